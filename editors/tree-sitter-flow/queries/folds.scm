[
  (block)
  (fn_block)
  (record_decl)
  (enum_decl)
  (event_decl)
  (service_decl)
  (database_decl)
  (human_decl)
  (decide_decl)
  (test_decl)
  (await_first)
  (match_stmt)
  (match_expr)
  (if_expr)
  (list)
  (args)
  (params)
  (sql_text)
] @fold

(doc)+ @fold
