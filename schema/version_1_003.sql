-- Minor 3: addresses of a range that are never handed out.

-- Blocks within the range's subnet, as `10.244.1.16/28 10.244.1.40/32`; empty: none.
ALTER TABLE ranges ADD COLUMN exclude TEXT NOT NULL DEFAULT '';
