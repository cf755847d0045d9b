//! What the store of a server holds of a topic, in one look at it.
//!
//! The only place here that looks into a store: what an API says is a moment old, and a position that
//! is a moment ahead of what was taken in loses records only where somebody is killed just then.

use sagaflow_postgres::Database;

/// Positions of partitions are records of shards; a record that was taken in has started its run, or the
/// start is on its way to the shard of its key. The record of a position tells all partitions of a shard,
/// and one statement sees one state.
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
), taken as (
  select key from flow.start_key
  union
  select convert_from(substr(body, 19), 'UTF8')::jsonb->'start'->>'key'
  from flow.inbox where substr(body, 19, 8) = '{"start"'
)
select partition, next, back, (select count(*) from taken) from positions
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

    /// Looks again: no position has moved back, and every record before one was taken in, and no other.
    pub fn look(&mut self) -> &[i64] {
        let mut all = 0;
        for line in self.database.psql(LOOK).unwrap().lines() {
            let [partition, next, back, taken] = line.split('|').collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            let [partition, next, taken]: [i64; 3] =
                [partition, next, taken].map(|text| text.parse().unwrap());
            let before = &mut self.next[usize::try_from(partition).unwrap()];
            assert!(back == "f" && next >= *before, "partition {partition} moved back: {line}");
            *before = next;
            all = taken;
        }
        assert_eq!(all, self.next.iter().sum::<i64>(), "what was taken in, and what positions say");
        &self.next
    }
}
