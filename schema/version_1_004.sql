-- Minor 4: masquerading, and ports that send by one MAC alone.

-- Pods' traffic that leaves their network takes the node's address (ipMasq). NULL: it does not. Else the blocks beside the
-- network's own subnets to which it goes as it is (nonMasqueradeCIDRs), as `10.0.0.0/8 fd00::/8`; empty: none.
ALTER TABLE networks ADD COLUMN masquerade TEXT;
-- 1: a pod may send with the MAC of its interface only (macspoofchk).
ALTER TABLE networks ADD COLUMN mac_check INTEGER NOT NULL DEFAULT 0;

-- What ADD promised of it: NULL is nothing, else all blocks to which this pod's traffic goes as it is, its network's own
-- subnets among them.
ALTER TABLE attachments ADD COLUMN masquerade TEXT;
ALTER TABLE attachments ADD COLUMN mac_check INTEGER NOT NULL DEFAULT 0;
