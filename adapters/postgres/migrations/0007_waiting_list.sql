-- Who waits for a key worker is asked at every allocation from the waiting list, and the log is long: an index over the
-- few events that say so.
CREATE INDEX event_waiting_list ON log.event (originator_id, notification_id, topic)
    WHERE topic IN ('WaitingListJoined', 'WaitingListLeft', 'CaseReopened', 'MergeReversed');
