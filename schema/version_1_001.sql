-- Minor 1: what other IPAM plugins and configurations without addresses need, and leases taken over from host-local.

-- ADD's answer: its `dns` object as JSON; NULL is none.
ALTER TABLE attachments ADD COLUMN dns TEXT;
-- The IPAM plugin that gave the addresses (ipam.type). NULL: they are ours, or there are none.
ALTER TABLE attachments ADD COLUMN ipam_type TEXT;
-- The configuration with which ADD called it, whole, and where ADD looked for it (CNI_PATH): whoever ends the attachment
-- has that plugin take its addresses back.
ALTER TABLE attachments ADD COLUMN ipam TEXT;
ALTER TABLE attachments ADD COLUMN ipam_path TEXT;
-- 0: the pod's interface stays down and is not compared in that (disableContainerInterface).
ALTER TABLE attachments ADD COLUMN link_up INTEGER NOT NULL DEFAULT 1 CHECK (link_up IN (0, 1));

-- Foreign addresses on the bridge that overlap a gateway's subnet are taken away instead of refused (forceAddress).
ALTER TABLE networks ADD COLUMN force_address INTEGER NOT NULL DEFAULT 0 CHECK (force_address IN (0, 1));

-- Leases of the host-local plugin that served this network before Plumb did: its pods still live with them, so they are
-- not handed out. Read from host-local's files by the ADD that makes the network's row; taken out by the pod's DEL, by
-- the first ADD after a boot, and by apply once their file is gone.
CREATE TABLE held (
    network_id   INTEGER NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
    bridge       TEXT    NOT NULL,
    address      TEXT    NOT NULL,
    container_id TEXT    NOT NULL,
    -- Empty in files of host-local before 0.8: any interface of the container.
    ifname       TEXT    NOT NULL,
    -- host-local's file. Gone, the lease is.
    path         TEXT    NOT NULL,
    boot_id      TEXT    NOT NULL,
    created_ms   INTEGER NOT NULL,
    PRIMARY KEY (bridge, address, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX held_by_container ON held (container_id);

-- Gateways on bridges that no range asks for, while pods still route by them: the range is no longer configured, or
-- another IPAM plugin named them. Not handed out; taken out with the last such lease.
CREATE TABLE gateways (
    bridge  TEXT NOT NULL,
    gateway TEXT NOT NULL,
    PRIMARY KEY (bridge, gateway)
) STRICT, WITHOUT ROWID;
CREATE VIEW v_leased_gateways AS
SELECT DISTINCT l.bridge, l.gateway
FROM addresses AS l JOIN attachments AS a ON a.id = l.attachment_id WHERE a.is_gateway AND l.gateway IS NOT NULL;
CREATE TRIGGER gateway_kept AFTER DELETE ON ranges BEGIN
    INSERT OR IGNORE INTO gateways (bridge, gateway)
    SELECT v.bridge, v.gateway FROM networks AS n JOIN v_leased_gateways AS v ON v.bridge = n.bridge
    WHERE n.id = old.network_id AND v.gateway = old.gateway;
END;
CREATE TRIGGER gateway_kept_too AFTER UPDATE OF is_gateway ON networks WHEN old.is_gateway AND NOT new.is_gateway BEGIN
    INSERT OR IGNORE INTO gateways (bridge, gateway)
    SELECT v.bridge, v.gateway FROM ranges AS r JOIN v_leased_gateways AS v ON v.gateway = r.gateway
    WHERE r.network_id = old.id AND v.bridge = old.bridge;
END;
