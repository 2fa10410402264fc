"""Scripts for floor.c: the messages and the statements of an ADD, and of a DEL, that the plugin has just made."""

import glob
import os
import re
import shutil
import sqlite3
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# What ADD reads before it writes, with what takes the place of each parameter; Sources/Store says it so, up to "%".
ADDITION = [
    ("PRAGMA application_id", ""), ("PRAGMA user_version", ""), ("PRAGMA synchronous=NORMAL", ""),
    ("PRAGMA foreign_keys=ON", ""), ("BEGIN IMMEDIATE", ""),
    ("SELECT tag, boot_id, ended, (SELECT seq FROM sqlite_sequence WHERE name = 'attachments') FROM store", ""),
    ("SELECT id, name, bridge, bridge_mac, mtu, is_gateway, is_default_gateway, hairpin, repair_pod, force_address, "
     "masquerade, mac_check, promisc, bridge_netfilter, isolated, dad, vlans FROM networks% WHERE name = ?", "name"),
    ("SELECT id, range_set, subnet, first, last, gateway, exclude, position FROM ranges WHERE network_id = ?", "network"),
    ("SELECT id, ifname, network_id FROM attachments WHERE container_id = ?", "container"),
    ("SELECT next FROM ranges WHERE id = ?", "range"),
    ("SELECT 1 FROM addresses WHERE bridge = ?1 AND address = ?2 "
     "UNION ALL SELECT 1 FROM held WHERE bridge = ?1 AND address = ?2 "
     "UNION ALL SELECT 2 FROM events WHERE object = ?2 AND (kind = 'withdrawn' OR kind = 'released')", "bridge address"),
    ("SELECT NULL FROM ranges "
     "WHERE gateway = ?1 AND (SELECT is_gateway FROM networks WHERE id = network_id AND bridge = ?2) "
     "UNION ALL SELECT NULL FROM gateways WHERE bridge = ?2 AND gateway = ?1 "
     "UNION ALL SELECT object FROM made WHERE object > ?3 AND object < ?4", "address bridge from to"),
]
# What DEL does before it takes the link away, and after that.
MARKING = [
    ("PRAGMA application_id", ""), ("PRAGMA user_version", ""), ("PRAGMA synchronous=NORMAL", ""),
    ("SELECT id, (SELECT name FROM networks WHERE id = network_id) FROM attachments "
     "WHERE container_id = ? AND ifname = ?", "container_id ifname"),
    ("SELECT id, network_id, (SELECT name FROM networks WHERE id = network_id), container_id, ifname, state, "
     "netns_path, netns_cookie, netns_device, netns_inode, boot_id, bridge, hairpin, host_ifname, host_mac, mac, "
     "mac_requested, mtu, pod_namespace, pod_name, pod_uid, "
     "ifnull(repair_pod, (SELECT repair_pod FROM networks WHERE id = network_id)), is_gateway, dns, ipam_type, ipam, "
     "ipam_path, link_up, masquerade, mac_check, isolated, dad, vlans FROM attachments% WHERE id = ? ORDER BY id", "id"),
    ("SELECT attachment_id, address || '/' || prefix_length, gateway, position FROM addresses% WHERE attachment_id = ?",
     "id"),
    ("BEGIN IMMEDIATE", ""), ("UPDATE attachments SET state = 'deleting' WHERE id = ?", "id"), ("COMMIT", ""),
]
RELEASE = [
    ("BEGIN IMMEDIATE", ""),
    ("SELECT created_ms, EXISTS (SELECT 1 FROM gateways) FROM addresses WHERE attachment_id = ? LIMIT 1", "id"),
    ("DELETE FROM attachments WHERE id = ?", "id"),
    ("DELETE FROM addresses WHERE bridge = ? AND address = ? AND attachment_id = ?", "bridge address id"),
    ("DELETE FROM routes WHERE attachment_id = ?", "id"),
    ("SELECT id, first, last, next, exclude FROM ranges WHERE (SELECT bridge FROM networks WHERE id = network_id) = ? "
     "AND gateway <> ? AND (instr(gateway, ':') > 0) = ?", "bridge address is_v6"),
    ("DELETE FROM released WHERE range_id = ? AND address = ?", "range address"),
    ("INSERT INTO released (range_id, sequence, address) VALUES (?1, ifnull((SELECT sequence FROM released "
     "WHERE range_id = ?1 ORDER BY sequence DESC LIMIT 1), 0) + 1, ?2)", "range address"),
    ("UPDATE store SET ended = ended + 1 WHERE id = 1", ""),
]
FILES = ["/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"]


def outdated():
    """A statement that neither ADD nor DEL asks any more as it stands above; None if they ask them all."""
    text = ""
    for path in glob.glob(f"{HERE}/../Sources/Store/*.swift"):
        with open(path) as file:
            text += " ".join(file.read().replace("\\\n", " ").split())
    return next((sql for sql, _ in ADDITION + MARKING + RELEASE if sql.split("%")[0] not in text), None)


def compiled(directory):
    """The floor, static as the plugin is and with the same libsqlite3; None without a compiler."""
    compiler = shutil.which("clang") or shutil.which("cc")
    if compiler is None:
        return None
    program = f"{directory}/floor"
    command = [compiler, "-static", "-s", "-O2", f"{HERE}/floor.c", "-o", program, "-lsqlite3", "-lm"]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"bench/run: {' '.join(command)}\n{done.stderr}")
    return program


def addition(plugin, pod):
    """The steps of an ADD, and the network that it made. A DEL takes that away again."""
    sent = traced(plugin, "ADD", pod)
    attachment, its, ranges = rows(plugin)
    made = network(pod)
    plugin.call("DEL", pod)

    values = {
        "name": plugin.content["name"], "network": attachment["network_id"], "container": attachment["container_id"],
        "range": ranges[0][1], "bridge": attachment["bridge"], "address": its["addresses"][0]["address"],
        "from": "address", "to": "addresss"}
    attachment |= {"id": attachment["id"] + 1, "state": "creating"}
    del attachment["ready_ms"]
    script = b"L" + played(ADDITION, values)
    script += prepared("UPDATE ranges SET next = ? WHERE id = ?") + b"".join(map(executed, ranges))
    script += inserted("attachments", [attachment])
    for table, its_rows in its.items():
        script += inserted(table, [row | {"attachment_id": attachment["id"]} for row in its_rows])
    script += played([("COMMIT", "")]) + b"U"
    script += b"".join(b"R" + path.encode() + b"\0" for path in FILES)
    script += b"".join(message(descriptor == sent[-1][0], sending) for descriptor, sending in sent)
    script += b"L" + played([("BEGIN IMMEDIATE", "")])
    script += prepared("UPDATE attachments SET state = 'ready', ready_ms = ? WHERE id = ?")
    script += executed([its["events"][0]["at_ms"], attachment["id"]])
    return script + played([("COMMIT", "")]) + b"U", made


def deletion(plugin, pod):
    """The steps of a DEL of the pod, which stands afterwards. What it has is made twice."""
    plugin.call("ADD", pod)
    name = rows(plugin)[0]["host_ifname"]
    sent = traced(plugin, "DEL", pod)
    events = rows(plugin, "kind IN ('delete', 'released')")[1]["events"]
    plugin.call("ADD", pod)
    attachment, its, ranges = rows(plugin)

    leases = [
        {"address": row["address"], "is_v6": int(":" in row["address"]), "range": ranges[place][1]}
        for place, row in enumerate(its["addresses"])]
    script = played(MARKING[:-3], attachment) + b"L" + played(MARKING[-3:], attachment) + b"U"
    for _, sending in sent:
        script += message(False, sending.replace(name.encode(), attachment["host_ifname"].encode()))
    script += b"L" + played(RELEASE, attachment, leases)
    script += inserted("events", [row | {"attachment_id": attachment["id"]} for row in events])
    return script + played([("COMMIT", "")]) + b"U"


def traced(plugin, verb, pod):
    trace = "/run/bench.strace"
    plugin.call(verb, pod, prefix=(shutil.which("strace"), "-e", "trace=sendto", "-e", "write=all", "-o", trace))
    with open(trace) as file:
        return messages(file)


def rows(plugin, events="1"):
    """The newest attachment, what else is of it, by table and without ids, and (next, id) of the ranges. Of an attachment
    that is gone its events tell the number."""
    database = sqlite3.connect(f"file:{plugin.content['dataDir']}/state.db?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    number = database.execute("SELECT max(attachment_id) FROM events").fetchone()[0]
    attachment = database.execute("SELECT * FROM attachments WHERE id = ?", [number]).fetchone()
    its = {}
    for table, condition in (("addresses", "1"), ("routes", "1"), ("events", events)):
        found = database.execute(f"SELECT * FROM {table} WHERE attachment_id = ? AND {condition}", [number])
        its[table] = [{key: row[key] for key in row.keys() if key != "id"} for row in found]
    ranges = [(row["next"], row["id"]) for row in database.execute("SELECT id, next FROM ranges")]
    database.close()
    return dict(attachment or {}), its, ranges


def messages(trace):
    """(descriptor, bytes) of each send. The last of an ADD goes to the pod's socket."""
    sent = []
    for line in trace:
        if call := re.match(r"sendto\((\d+),", line):
            sent.append((int(call[1]), b""))
        elif dump := re.match(r" \| [0-9a-f]{5}  ((?:[0-9a-f]{2} +){1,16})", line):
            descriptor, bytes_before = sent[-1]
            sent[-1] = (descriptor, bytes_before + bytes.fromhex(dump[1]))
    if not sent:
        sys.exit("bench/run: strace saw nothing being sent")
    return sent


def network(pod):
    """What is in the pod, but for its link's number and MAC."""
    name = os.path.basename(pod)
    lines = []
    for what in (["addr", "show", "dev", "eth0"], ["-4", "route"], ["-6", "route"]):
        lines += subprocess.check_output(["ip", "-n", name, "-br", *what], text=True).splitlines()
    return [re.sub(r"@\S+", "", line).strip() for line in lines]


def message(in_pod, sending):
    return b"M%d %d:" % (in_pod, len(sending)) + sending


def played(statements, values={}, leases=()):
    """Each statement once, or once for each lease where it asks for an address."""
    script = b""
    for sql, parameters in statements:
        names = parameters.split()
        script += prepared(sql.replace("%", ""))
        for lease in (leases if leases and "address" in names else [{}]):
            script += executed((values | lease)[name] for name in names)
    return script


def prepared(sql):
    return b"S" + sql.encode() + b"\0"


def executed(values):
    return b"X" + b"".join(b"n" if value is None else b"v" + str(value).encode() + b"\0" for value in values)


def inserted(table, rows):
    if not rows:
        return b""
    columns = list(rows[0])
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)})"
    return prepared(sql) + b"".join(executed(row.values()) for row in rows)
