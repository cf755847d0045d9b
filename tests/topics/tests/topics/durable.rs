//! What the store of a server holds of a topic, in one look at it.
//!
//! The only place here that looks into a store: what an API says is a moment old, and a position that
//! is a moment ahead of what was taken in loses records only where somebody is killed just then.

use sagaflow_postgres::Database;

/// Positions of partitions are records of shards; an event that was taken in is with its home, or on
/// its way there. The record of a position tells all of them, and one statement sees one state.
const LOOK: &str = r#"
with told as (
  select seq, (position->>'partition')::int as partition, (position->>'next')::bigint as next
  from flow.journal,
    jsonb_array_elements(convert_from(substr(body, 19), 'UTF8')::jsonb->'consumed') as position
  where run is null and substr(body, 19, 11) = '{"consumed"'
), moved as (
  select *, next < lag(next, 1, 0::bigint) over (partition by partition order by seq) as back
  from told
), positions as (
  select partition, max(next) as next, bool_or(back) as back from moved group by partition
), ids as (
  select id from flow.event where event = 'relay.Placed'
  union
  select convert_from(substr(body, 19), 'UTF8')::jsonb->'event'->>'id'
  from flow.inbox where substr(body, 19, 8) = '{"event"'
), taken as (
  select split_part(id, '/', 2)::int as partition, split_part(id, '/', 3)::bigint as place
  from ids where split_part(id, '/', 3) <> ''
)
select partition, next, back, count(*) filter (where place < next)
from positions left join taken using (partition) group by partition, next, back
"#;

/// What is durable of each partition.
pub struct Durable<'a> {
    database: &'a Database,
    next: Vec<i64>,
}

impl<'a> Durable<'a> {
    pub fn of(database: &'a Database) -> Self {
        Self { database, next: vec![0; sagaflow_topics::PARTITIONS as usize] }
    }

    /// Looks again: no position has moved back, and every record before one was taken in.
    pub fn look(&mut self) -> &[i64] {
        for line in self.database.psql(LOOK).unwrap().lines() {
            let [partition, next, back, taken] = line.split('|').collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            let [partition, next, taken]: [i64; 3] =
                [partition, next, taken].map(|text| text.parse().unwrap());
            let before = &mut self.next[usize::try_from(partition).unwrap()];
            assert!(back == "f" && next >= *before, "partition {partition} moved back: {line}");
            assert_eq!(taken, next, "partition {partition} is told of what was not taken in");
            *before = next;
        }
        &self.next
    }
}
