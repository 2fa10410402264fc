-- Plumb's database: what this node's pod network should be, and what happened to it.
--
-- Intent (networks, ranges, attachments, addresses, routes) is what the reconciler makes the kernel agree with.
-- Memory (released, made, events, runs) is what happened; nothing in the kernel follows from it, except that an object of ours
-- without intent is deleted only if it is in made, or an event here says that we gave it up.
--
-- Addresses, prefixes and MACs are text in canonical form (RFC 5952 for IPv6). Times are UTC in milliseconds since 1970.
-- Read it with `sqlite3 -readonly state.db`. docs/database.md says how to write by hand.
--
-- Of an INTEGER that says whether something is so, 0 is no, and any other yes. What only Plumb writes has no constraints, for each
-- ADD reads and compiles them. The others say OR and not IN: for each row it writes, SQLite would build the list of an IN anew,
-- in a table of its own.

-- One row about the database itself. Written when it is created, and by every ADD that finds a new boot.
CREATE TABLE store (
    -- 1
    id           INTEGER PRIMARY KEY,
    -- Four random characters, part of every host interface's name, so that two databases never claim each other's links.
    tag          TEXT    NOT NULL,
    -- /proc/sys/kernel/random/boot_id of the last writer: attachments of another boot are looked for only if it changed.
    boot_id      TEXT,
    created_ms   INTEGER NOT NULL
) STRICT;

-- A network as the configuration of the last ADD or `plumbctl network add` described it; nobody else writes it. Live pods
-- keep what they were promised (attachments, addresses, routes), whatever is written here later.
CREATE TABLE networks (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    name               TEXT    NOT NULL UNIQUE,
    bridge             TEXT    NOT NULL,
    -- Set when the bridge is created, so that its MAC does not follow its ports.
    bridge_mac         TEXT    NOT NULL,
    -- Bytes; NULL is the kernel's own choice, which nobody then compares.
    mtu                INTEGER,
    -- The bridge holds the gateway addresses, and the host forwards.
    is_gateway         INTEGER NOT NULL,
    -- Pods get a default route by the gateway.
    is_default_gateway INTEGER NOT NULL,
    -- A frame may leave by the port that it came in by: a pod reaches itself through a service.
    hairpin            INTEGER NOT NULL,
    -- Who owns the inside of a pod: we repair `all` of it, only a link that vanished (`missing-link`), or `none`.
    repair_pod         TEXT    NOT NULL DEFAULT 'all',
    created_ms         INTEGER NOT NULL,
    updated_ms         INTEGER NOT NULL
) STRICT;

-- The addresses that a network hands out. Every range set gives one address to each pod; the ranges of a set are tried
-- in order. Written by ADD and `plumbctl network add` when the configuration changed; next by ADD.
CREATE TABLE ranges (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    network_id INTEGER NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
    -- Which range set of the network, and which place in it; both from 0.
    range_set  INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    -- The subnet, as 10.244.1.0/24; a pod's address gets its prefix length.
    subnet     TEXT    NOT NULL,
    first      TEXT    NOT NULL,
    last       TEXT    NOT NULL,
    -- Never handed out; on the bridge if the network is a gateway.
    gateway    TEXT    NOT NULL,
    -- The lowest address that was never handed out; NULL when all were.
    next       TEXT
) STRICT;

-- One interface of one container: what ADD promised, frozen. Written by ADD and DEL, taken out when nothing of it is
-- left in the kernel.
CREATE TABLE attachments (
    -- Never reused: the host interface's name and the attachment's lock are made of it.
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    network_id    INTEGER NOT NULL REFERENCES networks (id),
    container_id  TEXT    NOT NULL,
    -- The interface's name in the pod.
    ifname        TEXT    NOT NULL,
    -- adding: ADD has not answered yet, or died; or its pair is made anew. ready: ADD succeeded. deleting: on its way out.
    state         TEXT    NOT NULL,
    -- Where the runtime keeps the sandbox's namespace, and which one it is. Paths and inode numbers are used again; the
    -- cookie (SO_NETNS_COOKIE) is not, within one boot.
    netns_path    TEXT    NOT NULL,
    netns_cookie  INTEGER NOT NULL,
    netns_device  INTEGER NOT NULL,
    netns_inode   INTEGER NOT NULL,
    boot_id       TEXT    NOT NULL,
    bridge        TEXT    NOT NULL,
    -- The bridge holds the gateway of this attachment's addresses.
    is_gateway    INTEGER NOT NULL,
    hairpin       INTEGER NOT NULL,
    -- The other end of the pair, a port of the bridge.
    host_ifname   TEXT    NOT NULL,
    host_mac      TEXT    NOT NULL,
    -- Given to the pod's interface when it is made; later compared only if somebody asked for this one.
    mac           TEXT    NOT NULL,
    mac_requested INTEGER NOT NULL,
    -- Bytes; NULL is the kernel's own choice, which nobody then compares.
    mtu           INTEGER,
    -- Whose pod it is, as the runtime said in CNI_ARGS.
    pod_namespace TEXT,
    pod_name      TEXT,
    pod_uid       TEXT,
    cni_version   TEXT    NOT NULL,
    -- Overrides the network's repair_pod for this one pod. An admin may write it.
    repair_pod    TEXT    CHECK (repair_pod = 'all' OR repair_pod = 'missing-link' OR repair_pod = 'none'),
    created_ms    INTEGER NOT NULL,
    ready_ms      INTEGER,
    UNIQUE (container_id, ifname, network_id)
) STRICT;

-- Leases: addresses that an attachment holds. Unique on a bridge, whatever network they come from.
CREATE TABLE addresses (
    bridge        TEXT    NOT NULL,
    address       TEXT    NOT NULL,
    prefix_length INTEGER NOT NULL,
    -- What the pod routes by. If the attachment's is_gateway is set, the bridge keeps it as long as this row stands.
    gateway       TEXT,
    attachment_id INTEGER NOT NULL REFERENCES attachments (id) ON DELETE CASCADE,
    -- Its place in ADD's answer, from 0. A pod's first address is the one that its cluster shows.
    position      INTEGER NOT NULL,
    created_ms    INTEGER NOT NULL,
    PRIMARY KEY (bridge, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX addresses_of_attachment ON addresses (attachment_id);

-- Addresses that were handed out and came back, the longest unused first. An ordering, never a reason to refuse.
CREATE TABLE released (
    range_id INTEGER NOT NULL REFERENCES ranges (id) ON DELETE CASCADE,
    -- Greater than that of any other address of the range. The clock may step; this does not.
    sequence INTEGER NOT NULL,
    address  TEXT    NOT NULL,
    PRIMARY KEY (range_id, sequence)
) STRICT, WITHOUT ROWID;
-- Once a range, with its latest release: a network beside it on the bridge may use the address again and again.
CREATE UNIQUE INDEX released_once ON released (range_id, address);

-- Routes that should exist. With an attachment: in that pod, as ADD promised. Without: on the host, entered by an admin,
-- say to another node's pods:
--     INSERT INTO routes (dst, gateway) VALUES ('10.244.2.0/24', '192.168.0.12');
-- Taking the row out takes the route away with the next apply.
CREATE TABLE routes (
    id            INTEGER PRIMARY KEY,
    attachment_id INTEGER REFERENCES attachments (id) ON DELETE CASCADE,
    -- A block without host bits, as 10.244.2.0/24, 0.0.0.0/0 or ::/0.
    dst           TEXT    NOT NULL,
    -- The next hop. NULL: the destination is on the link itself, and dev must say which.
    gateway       TEXT,
    -- The outgoing interface. NULL: in a pod its own; on the host the kernel finds it by the gateway.
    dev           TEXT,
    -- The source address for traffic that starts here.
    src           TEXT,
    -- The metric. 0 is what IPv4 takes by default; the kernel makes 1024 of it for IPv6.
    metric        INTEGER NOT NULL DEFAULT 0 CHECK (metric BETWEEN 0 AND 4294967295),
    -- The routing table; 254 is main.
    table_id      INTEGER NOT NULL DEFAULT 254 CHECK (table_id BETWEEN 1 AND 4294967295),
    -- Bytes.
    mtu           INTEGER,
    advmss        INTEGER,
    -- RT_SCOPE_ number from include/uapi/linux/rtnetlink.h; NULL is what the gateway implies.
    scope         INTEGER CHECK (scope BETWEEN 0 AND 255),
    comment       TEXT,
    CHECK (gateway IS NOT NULL OR dev IS NOT NULL OR attachment_id IS NOT NULL)
) STRICT;
CREATE INDEX routes_of_attachment ON routes (attachment_id);

-- What happened, in order: addresses that were assigned and released, and every change made to the kernel with its
-- reason. Written with the change that it tells of.
CREATE TABLE events (
    id            INTEGER PRIMARY KEY,
    at_ms         INTEGER NOT NULL,
    -- assigned, released: an address of an attachment. add, change, delete: a kernel object. failed: a change that the
    -- kernel refused. withdrawn: an object that we no longer want, so that it may be deleted wherever it is found.
    kind          TEXT    NOT NULL,
    -- What it was done to: an address, or a kernel object's name as plumbctl plan writes it.
    object        TEXT    NOT NULL,
    reason        TEXT,
    -- The command that it amounts to, or the kernel's refusal.
    detail        TEXT,
    -- Copies, because history outlives its attachment.
    attachment_id INTEGER,
    network       TEXT,
    container_id  TEXT,
    ifname        TEXT,
    pod_namespace TEXT,
    pod_name      TEXT
) STRICT;
CREATE INDEX events_withdrawn ON events (object) WHERE kind = 'withdrawn';

-- What we put on the host for several pods and the kernel keeps no mark of that tells databases apart, by its name in plans:
-- gateways on bridges, and host routes. Written before the kernel hears of it. Once no row asks for it any more the next apply
-- takes it away; a router's address, an adopted bridge's own, a route that was there before are not in here, and stay. A
-- gateway is handed to no pod as long as it is in here.
CREATE TABLE made (
    -- 'address 10.244.1.1/24 on cni0', 'route 10.244.2.0/24 metric 0 table 254'
    object TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- An attachment's host interface may be deleted wherever it is found once its row is gone.
CREATE TRIGGER link_withdrawn AFTER DELETE ON attachments BEGIN
    INSERT INTO events (at_ms, kind, object, reason, attachment_id, container_id, ifname, pod_namespace, pod_name)
    VALUES (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), 'withdrawn', 'link ' || old.host_ifname,
            'its attachment is gone', old.id, old.container_id, old.ifname, old.pod_namespace, old.pod_name);
END;

-- Passes over the whole node.
CREATE TABLE runs (
    id          INTEGER PRIMARY KEY,
    started_ms  INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    -- Changes that the plan asked for, those that succeeded, and those that failed.
    planned     INTEGER NOT NULL,
    done        INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    -- The first failure, in words.
    error       TEXT
) STRICT;

-- Who has which address now.
CREATE VIEW v_leases AS
SELECT l.address || '/' || l.prefix_length AS address, l.gateway, n.name AS network, l.bridge,
       a.pod_namespace, a.pod_name, a.container_id, a.ifname, a.host_ifname, a.mac, a.state,
       strftime('%Y-%m-%dT%H:%M:%SZ', l.created_ms / 1000, 'unixepoch') AS since
FROM addresses AS l JOIN attachments AS a ON a.id = l.attachment_id JOIN networks AS n ON n.id = a.network_id;
