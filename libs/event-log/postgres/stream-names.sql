-- Users' streams are named user-<id>, and the operators' facts of an erased tenant lie in operators-<tenant id>. A
-- development database of an earlier commit keeps its events under the new names; nothing was released with the old ones.
update event_log.events set aggregate = 'user' where tenant_id is null and aggregate = 'person';
update event_log.events set aggregate = 'operators' where tenant_id is null and aggregate = 'erasure';
update event_log.snapshots set aggregate = 'user' where tenant_id is null and aggregate = 'person';
update projecting.parked set aggregate = 'user' where outside and aggregate = 'person';
update projecting.parked set aggregate = 'operators' where outside and aggregate = 'erasure';
update reacting.parked set aggregate = 'user' where outside and aggregate = 'person';
update reacting.parked set aggregate = 'operators' where outside and aggregate = 'erasure';
