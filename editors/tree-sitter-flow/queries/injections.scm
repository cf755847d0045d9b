((sql_chars) @injection.content
  (#set! injection.language "sql"))

((comment) @injection.content
  (#set! injection.language "comment"))

((doc) @injection.content
  (#set! injection.language "comment"))
