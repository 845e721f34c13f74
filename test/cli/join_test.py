"""roleswap join ADDRESS against a real PostgreSQL: TLS, SCRAM, channel binding, refusals."""
import glob
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import time
import unittest

from daemon import Case, HERE

SCHEMA = HERE.parent.parent / "lib" / "work" / "schema" / "003-join.sql"
BINS = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
PASSWORD = "the admin's password"
CONFIG = """
[pair]
name = "alpha"
takeover_delay = "1s"
key_file = "@/KEY"
[[node]]
name = "left"
data_dir = "@/left"
run_dir = "@/run"
[[node]]
name = "right"
data_dir = "@/right"
run_dir = "@/run"
[[link]]
name = "lan-a"
address = { left = "127.0.0.1", right = "127.0.0.2" }
"""


def user():
    if os.geteuid() != 0:
        return None
    for name in ("roleswap", "postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            pass
    return "nobody"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A cluster with the schema of the join alone, and the certificate of the pair key."""

    def __init__(self, folder, key):
        self.folder = folder
        self.data = folder / "pg"
        self.port = free_port()
        folder.mkdir()
        shutil.chown(folder, user()) if user() else None
        self.run("initdb", "-D", self.data, "-N", "-A", "trust", "-U", "tester", "--locale=C")
        for name, block in (("server.crt", "CERTIFICATE"), ("server.key", "PRIVATE KEY")):
            file = self.data / name
            file.write_text(re.search("-----BEGIN %s.*END %s-----\n" % (block, block), key,
                                      re.S).group(0))
            file.chmod(0o600)
            shutil.chown(file, user()) if user() else None
        (self.data / "pg_hba.conf").write_text(
            "local all all trust\nhostssl roleswap roleswap_join 127.0.0.0/8 scram-sha-256\n")
        self.process = subprocess.Popen(
            [BINS[-1] + "/postgres", "-D", self.data, "-k", folder, "-p", str(self.port), "-F",
             "-c", "listen_addresses=127.0.0.1", "-c", "ssl=on"], user=user(), cwd="/",
            stderr=subprocess.DEVNULL)
        while not (folder / (".s.PGSQL.%d" % self.port)).exists():
            time.sleep(0.02)
        for _ in range(500):
            if subprocess.run(self.psql("postgres") + ["-c", "select"], capture_output=True).returncode == 0:
                break
            time.sleep(0.02)
        self.sql("create database roleswap", "postgres")
        self.sql("create schema roleswap; create table roleswap.term(node text); "
                 "insert into roleswap.term values ('left')")
        subprocess.run(self.psql("roleswap") + ["-f", SCHEMA], check=True)

    def run(self, program, *words):
        subprocess.run([BINS[-1] + "/" + program, *words], check=True, user=user(), cwd="/",
                       stdout=subprocess.DEVNULL)

    def psql(self, database):
        return [BINS[-1] + "/psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-p",
                str(self.port), "-U", "tester", database]

    def sql(self, text, database="roleswap"):
        return subprocess.run(self.psql(database) + ["-c", text], check=True, capture_output=True,
                              text=True).stdout

    def stop(self):
        self.process.terminate()
        self.process.wait()


@unittest.skipUnless(BINS, "needs PostgreSQL below /usr/lib/postgresql")
class Join(Case):
    def setUp(self):
        super().setUp()
        self.path.chmod(0o755)
        self.first = self.path / "first"
        self.second = self.path / "second"
        self.first.mkdir()
        config = CONFIG.replace("@", str(self.path)).replace("KEY", "first/pair.key")
        (self.first / "r.toml").write_text(config)
        (self.path / "password").write_text(PASSWORD + "\n")
        self.env.update(ROLESWAP_NODE="left", ROLESWAP_CONFIG=str(self.first / "r.toml"))
        self.expect(0, "init")
        self.key = (self.first / "pair.key").read_text()
        self.server = Server(self.path / "server", self.key)
        self.addCleanup(self.server.stop)
        self.set_password()
        # The second node is another file system as far as its files go.
        self.offered = config.replace("first/pair.key", "second/pair.key")
        self.offer(self.offered)
        self.env.update(ROLESWAP_NODE="right", ROLESWAP_CONFIG=str(self.second / "r.toml"))
        self.address = "127.0.0.1:%d" % self.server.port

    def set_password(self):
        self.start({"join_password": {}})
        self.expect(0, "password", "set", "--password-file", str(self.path / "password"))
        verb, args = self.calls()[0]
        self.assertEqual(verb, "join_password")
        self.assertNotIn(PASSWORD, json.dumps(args))
        self.assertNotIn(self.key.split("secret = ")[1][:20], json.dumps(args))
        self.server.sql("alter role roleswap_join password '%s'" % args["verifier"])
        self.server.sql("update roleswap.join_offer set sealed_key = '%s'" % args["sealed_key"])
        self.env["ROLESWAP_SOCKET"] = str(self.path / "none")

    def offer(self, config, version="0.1.0"):
        self.server.sql("update roleswap.join_offer set version = '%s', config = $c$%s$c$"
                        % (version, config))

    def join(self, code, *words, password=PASSWORD):
        (self.path / "given").write_text(password + "\n")
        done = self.expect(code, "join", self.address, "--password-file", str(self.path / "given"),
                           *words)
        if code != 0:
            self.assertFalse(self.second.exists(), done.stderr)
            self.assertFalse((self.path / "right").exists(), done.stderr)
        return done

    def test_the_files_come_over_the_network(self):
        self.join(0, "--pair", "alpha")
        self.assertEqual((self.second / "r.toml").read_text(), self.offered)
        self.assertEqual((self.second / "pair.key").read_text(), self.key)
        self.assertEqual((self.second / "pair.key").stat().st_mode & 0o777, 0o600)
        self.assertIn("epoch 0\n", (self.path / "right" / "record").read_text())
        self.join(0)  # again: the files are the same
        (self.second / "r.toml").write_text(self.offered + "# mine\n")
        self.assertIn("differs", self.expect(
            3, "join", self.address, "--password-file", str(self.path / "given")).stderr)

    def test_an_old_master_that_lost_its_files_keeps_its_record(self):
        self.env["ROLESWAP_NODE"] = "left"
        record = (self.path / "left" / "record").read_text()
        self.assertIn("epoch 1", record)
        (self.path / "given").write_text(PASSWORD)
        self.expect(0, "join", self.address, "--password-file", str(self.path / "given"))
        self.assertEqual((self.path / "left" / "record").read_text(), record)
        self.assertEqual((self.second / "pair.key").read_text(), self.key)

    def test_what_is_wrong_is_refused_and_changes_nothing(self):
        self.assertIn("password", self.join(5, password="another password").stderr)
        self.assertIn("is pair alpha, not beta", self.join(3, "--pair", "beta").stderr)
        self.env["ROLESWAP_NODE"] = "middle"
        self.assertIn("middle", self.join(3).stderr)
        self.env["ROLESWAP_NODE"] = "right"
        self.offer(self.offered, version="7.0.0")
        self.assertIn("7.0.0", self.join(3).stderr)
        self.offer(self.offered)
        self.server.sql("create or replace function roleswap_join.offer() returns table (format "
                        "integer, version text, server_version integer, master text, config text, "
                        "sealed_key text) language sql security definer as $$ select 1, version, "
                        "90605, 'left', config, sealed_key from roleswap.join_offer $$")
        self.assertIn("PostgreSQL there has version 9", self.join(3).stderr)
        for bad in ("127.0.0.1:0", "127.0.0.1:x", ":7432"):
            self.address = bad
            self.assertIn("allowed is", self.join(2).stderr)
        self.address = "127.0.0.1:%d" % free_port()
        self.join(4)

    def test_a_server_that_does_not_know_the_password_is_found_out(self):
        """Whoever sits in between lets everybody in, and does not get the password."""
        (self.server.data / "pg_hba.conf").write_text(
            "local all all trust\nhostssl all all 127.0.0.0/8 trust\n")
        self.server.sql("select pg_reload_conf()")
        for _ in range(100):
            done = self.roleswap("join", self.address, "--password-file", str(self.path / "password"))
            if done.returncode == 5:
                break
            shutil.rmtree(self.second, ignore_errors=True)
            shutil.rmtree(self.path / "right", ignore_errors=True)
        self.assertEqual(done.returncode, 5, done.stdout)
        self.assertIn("does not prove", done.stderr)

    def test_the_role_may_call_one_function_only(self):
        env = dict(self.env, PGPASSWORD=PASSWORD)
        words = [BINS[-1] + "/psql", "-XAtq", "host=127.0.0.1 port=%d user=roleswap_join "
                 "dbname=roleswap sslmode=require" % self.server.port, "-c"]
        for text in ("select * from roleswap.join_offer", "select * from roleswap.term",
                     "create table public.x()"):
            done = subprocess.run(words + [text], env=env, capture_output=True, text=True)
            self.assertIn("ERROR", done.stderr, text)
        done = subprocess.run(words + ["select master from roleswap_join.offer()"], env=env,
                              capture_output=True, text=True)
        self.assertEqual(done.stdout, "left\n")

    def test_a_terminal_is_asked_for_the_password_and_does_not_show_it(self):
        prompt = "Admin password of the pair: "
        code, screen = self.on_own_terminal([(prompt, "another password")], "join", self.address)
        self.assertEqual(code, 5, screen)
        self.assertFalse(self.second.exists(), screen)
        code, screen = self.on_own_terminal([(prompt, PASSWORD)], "join", self.address)
        self.assertEqual(code, 0, screen)
        self.assertIn("has joined pair alpha", screen)
        self.assertNotIn(PASSWORD, screen)
        self.assertEqual((self.second / "pair.key").read_text(), self.key)

    def test_a_new_password_is_asked_for_twice(self):
        self.env.update(ROLESWAP_NODE="left", ROLESWAP_CONFIG=str(self.first / "r.toml"),
                        ROLESWAP_SOCKET=str(self.path / "ctl"))
        first, again = "New admin password: ", "The same again: "
        code, screen = self.on_own_terminal([(first, PASSWORD), (again, PASSWORD + "!")],
                                            "password", "set")
        self.assertEqual(code, 2, screen)
        self.assertIn("not the same", screen)
        code, screen = self.on_own_terminal([(first, PASSWORD), (again, PASSWORD)],
                                            "password", "set")
        self.assertEqual(code, 0, screen)
        self.assertNotIn(PASSWORD, screen)
        self.assertEqual([verb for verb, _ in self.calls()], 2 * ["join_password"])  # one of setUp

    def test_a_password_needs_twelve_characters(self):
        self.env.update(ROLESWAP_NODE="left", ROLESWAP_CONFIG=str(self.first / "r.toml"))
        (self.path / "short").write_text("eleven char\n")
        self.assertIn("12", self.expect(2, "password", "set", "--password-file",
                                        str(self.path / "short")).stderr)
        self.assertIn("terminal", subprocess.run(
            [os.environ["ROLESWAP"], "password", "set"], env=self.env, capture_output=True,
            text=True, start_new_session=True).stderr)


if __name__ == "__main__":
    if not BINS:
        print("SKIPPED: needs PostgreSQL below /usr/lib/postgresql")
        sys.exit(77)
    unittest.main()
