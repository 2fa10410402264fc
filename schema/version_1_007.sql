-- Minor 7: what an admin asks of the database, each in one SELECT, and what is needed to answer.
--
-- Every process that opens the database reads its whole schema, ADD too, and pays by the word: so the views are short, one
-- stands upon another, and each says `*` where a table has it all.

-- An address as text that sorts as addresses do: 4 or 6 for the family, then its bits in hexadecimal. Written by Plumb
-- beside each address; NULL where a shell or an older binary wrote the row, until the next apply.
ALTER TABLE addresses ADD COLUMN sort_key TEXT;
ALTER TABLE held ADD COLUMN sort_key TEXT;
-- The same of `first` and `last`.
ALTER TABLE ranges ADD COLUMN first_key TEXT;
ALTER TABLE ranges ADD COLUMN last_key TEXT;
-- How many addresses pods may have: an integer, or a real number where that is beyond 63 bits, as of an IPv6 /64.
ALTER TABLE ranges ADD COLUMN size ANY;

-- released: when the address had been assigned. So one row tells a lease from start to end, though the row of its start
-- be long forgotten.
ALTER TABLE events ADD COLUMN since_ms INTEGER;
UPDATE events SET since_ms = start.at_ms FROM (
    SELECT id, lag(at_ms) OVER earlier AS at_ms, lag(kind) OVER earlier AS kind
    FROM events WHERE kind IN ('assigned', 'released')
    WINDOW earlier AS (PARTITION BY object, network, attachment_id ORDER BY id)
) AS start WHERE start.id = events.id AND events.kind = 'released' AND start.kind = 'assigned';
-- The events of a run have greater ids than this.
ALTER TABLE runs ADD COLUMN last_event INTEGER;

-- In the place of the index of withdrawn objects alone. Written when an address is released, never by an ADD.
DROP INDEX events_withdrawn;
CREATE INDEX events_by_object ON events (object) WHERE kind = 'withdrawn' OR kind = 'released';
-- Written then too.
CREATE INDEX events_by_pod ON events (pod_name) WHERE kind = 'released';

-- One line an interface of a pod, with everything that it was promised; also where a shell took its network's row out.
CREATE VIEW v_pods AS
SELECT (SELECT name FROM networks WHERE id = network_id) AS network,
       (SELECT group_concat(address || '/' || prefix_length, ' ') FROM addresses WHERE attachment_id = a.id) AS addresses,
       (SELECT group_concat(dst || ifnull(' via ' || gateway, ''), ', ') FROM routes WHERE attachment_id = a.id) AS routes,
       strftime('%Y-%m-%dT%H:%M:%SZ', a.created_ms / 1000, 'unixepoch') AS since, a.*
FROM attachments AS a;

-- What each pool is and how full: `used` counts every pod on its bridge, whatever its network.
CREATE VIEW v_pools AS
SELECT *, round(100.0 * used / size, 1) AS percent
FROM (SELECT name AS network, bridge, subnet, first, last, gateway, exclude, size,
             (SELECT count(*) FROM (SELECT bridge, sort_key FROM addresses UNION ALL SELECT bridge, sort_key FROM held) AS l
              WHERE l.bridge = n.bridge AND sort_key BETWEEN first_key AND last_key) AS used
      FROM ranges JOIN networks AS n ON n.id = network_id);

-- What happened: addresses assigned and released, and what was done to the kernel, and why.
CREATE VIEW v_events AS
SELECT strftime('%Y-%m-%dT%H:%M:%SZ', at_ms / 1000, 'unixepoch') AS at, *,
       strftime('%Y-%m-%dT%H:%M:%SZ', since_ms / 1000, 'unixepoch') AS since
FROM events WHERE kind <> 'withdrawn';

-- Who has which address now. What host-local gave before has the state `host-local`, and neither prefix nor pod: nobody told us.
DROP VIEW v_leases;
CREATE VIEW v_leases AS
SELECT l.address || '/' || prefix_length AS address, gateway, network, l.bridge, pod_namespace, pod_name, container_id, ifname,
       host_ifname, mac, state, since, l.address AS ip, l.sort_key
FROM addresses AS l JOIN v_pods AS p ON p.id = attachment_id
UNION ALL SELECT address, NULL, name, h.bridge, NULL, NULL, container_id, ifname, NULL, NULL, 'host-local',
       strftime('%Y-%m-%dT%H:%M:%SZ', h.created_ms / 1000, 'unixepoch'), address, sort_key
FROM held AS h JOIN networks AS n ON n.id = network_id;

-- Who had an address from when to when; `until` is NULL of who has it now.
CREATE VIEW v_address_history AS
SELECT object AS address, network, pod_namespace, pod_name, container_id, ifname, since, at AS until, reason
FROM v_events WHERE kind = 'released'
UNION ALL SELECT ip, network, pod_namespace, pod_name, container_id, ifname, since, NULL, NULL FROM v_leases;

-- What the passes over the whole node did, and how long they took.
CREATE VIEW v_runs AS
SELECT strftime('%Y-%m-%dT%H:%M:%SZ', started_ms / 1000, 'unixepoch') AS started, * FROM runs;

-- Attachments that are not ready, and what failed since the last run began.
CREATE VIEW v_problems AS
SELECT since, state AS problem, NULL AS reason, pod_namespace, pod_name, container_id FROM v_pods WHERE state <> 'ready'
UNION ALL SELECT at, object, reason, pod_namespace, pod_name, container_id FROM v_events
WHERE kind = 'failed' AND id > ifnull((SELECT max(last_event) FROM runs), 0);

-- The trigger of version 1 in fewer words.
DROP TRIGGER link_withdrawn;
CREATE TRIGGER link_withdrawn AFTER DELETE ON attachments BEGIN
    INSERT INTO events (at_ms, kind, object, reason, attachment_id, container_id, ifname, pod_namespace, pod_name)
    SELECT strftime('%s') * 1000, 'withdrawn', 'link ' || old.host_ifname, 'its attachment is gone',
           old.id, old.container_id, old.ifname, old.pod_namespace, old.pod_name;
END;
