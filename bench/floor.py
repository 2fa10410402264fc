"""The script of an ADD for floor.c: the messages and the rows of one that the plugin has just made."""

import glob
import os
import re
import shutil
import sqlite3
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# What ADD reads before it writes (Sources/Store), with what takes the place of each parameter.
QUESTIONS = [
    ("PRAGMA application_id", ""), ("PRAGMA user_version", ""), ("PRAGMA synchronous=NORMAL", ""),
    ("PRAGMA foreign_keys=ON", ""), ("BEGIN IMMEDIATE", ""),
    ("SELECT tag, boot_id, ended, (SELECT seq FROM sqlite_sequence WHERE name = 'attachments') FROM store", ""),
    ("SELECT id, name, bridge, bridge_mac, mtu, is_gateway, is_default_gateway, hairpin, repair_pod, force_address, "
     "masquerade, mac_check, promisc, bridge_netfilter, isolated, dad, vlans FROM networks WHERE name = ?", "name"),
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
FILES = ["/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"]


def outdated():
    """A statement that ADD does not ask any more as it stands above; None if it asks them all."""
    text = ""
    for path in glob.glob(f"{HERE}/../Sources/Store/*.swift"):
        with open(path) as file:
            text += " ".join(file.read().replace("\\\n", " ").split())
    # The columns of a network stand apart from their condition.
    return next((sql for sql, _ in QUESTIONS if sql.removesuffix(" WHERE name = ?") not in text), None)


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


def recorded(plugin, pod):
    """The steps of an ADD, and the network that it made. A DEL takes that away again."""
    trace = "/run/bench.strace"
    plugin.call("ADD", pod, prefix=(shutil.which("strace"), "-e", "trace=sendto", "-e", "write=all", "-o", trace))
    with open(trace) as file:
        sent = messages(file)
    database = sqlite3.connect(f"file:{plugin.content['dataDir']}/state.db?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    attachment = dict(database.execute("SELECT * FROM attachments ORDER BY id DESC LIMIT 1").fetchone())
    its = {
        table: [dict(row) for row in database.execute(f"SELECT * FROM {table} WHERE attachment_id = ?", [attachment["id"]])]
        for table in ("addresses", "routes", "events")}
    ranges = [(row["next"], row["id"]) for row in database.execute("SELECT id, next FROM ranges")]
    database.close()
    made = network(pod)
    plugin.call("DEL", pod)

    values = {
        "name": plugin.content["name"], "network": attachment["network_id"], "container": attachment["container_id"],
        "range": ranges[0][1], "bridge": attachment["bridge"], "address": its["addresses"][0]["address"],
        "from": "address", "to": "addresss"}
    attachment |= {"id": attachment["id"] + 1, "state": "creating"}
    del attachment["ready_ms"]
    script = b"L"
    for sql, parameters in QUESTIONS:
        script += prepared(sql) + executed(values[name] for name in parameters.split())
    script += prepared("UPDATE ranges SET next = ? WHERE id = ?") + b"".join(map(executed, ranges))
    script += inserted("attachments", [attachment])
    for table, rows in its.items():
        for row in rows:
            row["attachment_id"] = attachment["id"]
            row.pop("id", None)
        script += inserted(table, rows)
    script += prepared("COMMIT") + executed([]) + b"U"
    script += b"".join(b"R" + path.encode() + b"\0" for path in FILES)
    for descriptor, message in sent:
        script += b"M%d %d " % (descriptor == sent[-1][0], len(message)) + message
    script += b"L" + prepared("BEGIN IMMEDIATE") + executed([])
    script += prepared("UPDATE attachments SET state = 'ready', ready_ms = ? WHERE id = ?")
    script += executed([its["events"][0]["at_ms"], attachment["id"]])
    return script + prepared("COMMIT") + executed([]) + b"U", made


def messages(trace):
    """(descriptor, bytes) of each send. The last goes to the pod's socket."""
    sent = []
    for line in trace:
        if call := re.match(r"sendto\((\d+),", line):
            sent.append((int(call[1]), b""))
        elif dump := re.match(r" \| [0-9a-f]{5}  ((?:[0-9a-f]{2} +){1,16})", line):
            descriptor, bytes_before = sent[-1]
            sent[-1] = (descriptor, bytes_before + bytes.fromhex(dump[1]))
    if not sent:
        sys.exit("bench/run: an ADD that strace has seen sends nothing")
    return sent


def network(pod):
    """What is in the pod, but for its link's number and MAC."""
    name = os.path.basename(pod)
    lines = []
    for what in (["addr", "show", "dev", "eth0"], ["-4", "route"], ["-6", "route"]):
        lines += subprocess.check_output(["ip", "-n", name, "-br", *what], text=True).splitlines()
    return [re.sub(r"@\S+", "", line).strip() for line in lines]


def prepared(sql):
    return b"S" + sql.encode() + b"\0"


def executed(values):
    return b"X" + b"".join(b"n" if value is None else b"v" + str(value).encode() + b"\0" for value in values)


def inserted(table, rows):
    columns = list(rows[0])
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)})"
    return prepared(sql) + b"".join(executed(row.values()) for row in rows)
