"""What the benchmarks of identity share: a release build of yunshud on a database of its own, and the load generator."""

import base64
import concurrent.futures
import http.client
import json
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
STATE = pathlib.Path(os.environ["YUNSHU_STATE"])
PG_SOCKET = os.environ["YUNSHU_PG_SOCKET"]
PG_PORT = os.environ["YUNSHU_PG_PORT"]
PG_PID = int(os.environ["YUNSHU_PG_PID"])
CORES = len(os.sched_getaffinity(0))
PASSWORD = "correct horse battery staple 9"
PLENTY = 1_000_000
# What sign-in costs unless an operator says otherwise, and next to nothing, for what is not about sign-in.
DEAR = {"memory_kib": 19456, "passes": 2, "lanes": 1}
CHEAP = {"memory_kib": 64, "passes": 1, "lanes": 1}


def say(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr[-2000:]}{done.stdout[-500:]}")
    return done.stdout


def build():
    """Builds yunshud and the load generator; answers where they are."""
    say("build (release)")
    run("cargo", "build", "--quiet", "--release", "--locked", "-p", "yunshud", cwd=ROOT)
    target = pathlib.Path(json.loads(run("cargo", "metadata", "--no-deps", "--format-version=1", cwd=ROOT))["target_directory"])
    aside = target / "loadtest"
    manifest = str(HERE / "load/Cargo.toml")
    run("cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", manifest, "--target-dir", str(aside), cwd=ROOT)
    return target / "release/yunshud", aside / "release/identity-load"


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def psql(database, sql):
    return run("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", PG_SOCKET, "-p", PG_PORT, "-U", "postgres", "-d", database, "-c", sql)


def anew(database, owner="postgres"):
    psql("postgres", f"drop database if exists {database} with (force)")
    psql("postgres", f"create database {database} owner {owner}")


def until(what, ready, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if ready():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"waited {seconds} s for {what}")


def issue(program, folder, roles):
    """A certificate for a process of these roles: the section of its configuration."""
    return run(str(program), "mesh", "issue", "--roles", roles, "--folder", str(folder / "mesh"))


class Process:
    """A child that does not outlive the benchmark."""

    all = []

    def __init__(self, *command, log, **more):
        self.log = pathlib.Path(log)
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen([str(part) for part in command], stdout=out, stderr=out, stdin=subprocess.DEVNULL, **more)
        self.pid = self.child.pid
        Process.all.append(self)

    def runs(self):
        if self.child.poll() is not None:
            raise RuntimeError(f"it ended, see the end of {self.log}: {self.log.read_text()[-1500:]}")
        return True

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(20)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()

    @classmethod
    def stop_all(cls):
        while cls.all:
            cls.all.pop().stop()


class Load:
    """The load generator."""

    def __init__(self, program, folder):
        self.program, self.folder, self.count = program, folder, 0

    def plan(self, **plan):
        self.count += 1
        file = self.folder / f"plan-{self.count}.json"
        file.write_text(json.dumps(plan))
        return file

    def call(self, command, timeout=300, **options):
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        return json.loads(run(str(self.program), command, *words, timeout=timeout))


class Yunshu:
    """Gateway, identity and audit in one process; compute is played by whoever listens at the port `compute`, if that is given."""

    def __init__(self, program, folder, database, password, session_ms=4000, compute=None, fresh=True):
        self.program, self.folder, self.database = program, folder / database, database
        self.port, self.compute, self.session_ms, self.password = free_port(), compute, session_ms, password
        self.config = self.folder / "yunshud.toml"
        self.local = threading.local()
        if fresh:
            for name in ("images", "uploads", "assets"):
                (self.folder / name).mkdir(parents=True)
            for name in ("kek", "log.key"):
                key = self.folder / name
                key.touch(0o600)
                key.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
            if not psql("postgres", "select 1 from pg_roles where rolname = 'yunshu_owner'").strip():
                psql("postgres", "create role yunshu_owner login createrole")
            anew(database, "yunshu_owner")
            self.configure()
            run(str(program), "migrate", "--config", str(self.config), cwd=self.folder)

    def configure(self):
        plenty = f"{{ per_second = {PLENTY}, burst = {PLENTY} }}"
        guesses = ", ".join(f"{name} = {{ burst = 60000, refill_seconds = 1 }}" for name in ("pair", "address", "account", "proof"))
        password = ", ".join(f"{name} = {value}" for name, value in self.password.items())
        upstreams = f'[upstreams]\ncompute = ["https://127.0.0.1:{self.compute}"]\n' if self.compute else ""
        if self.compute:
            upstreams += issue(self.program, self.folder.parent, "gateway,identity,audit")
        self.config.write_text(
            f"""[database]
host = "{PG_SOCKET}"
port = {PG_PORT}
name = "{self.database}"
[audit.log]
key = "{self.folder}/log.key"

[crypto]
kek = "{self.folder}/kek"
[gateway]
tls = "127.0.0.1:0"
plain = "127.0.0.1:{self.port}"
pki = "{self.folder}/pki"
trust = {{ session_ms = {self.session_ms} }}
rates = {{ connections = {plenty}, address = {plenty}, auth = {plenty}, tenant = {plenty} }}
[identity]
password = {{ {password} }}
guesses = {{ {guesses} }}
[compute]
images = "{self.folder}/images"
uploads = "{self.folder}/uploads"
[portal]
assets = "{self.folder}/assets"
[log]
filter = "warn,actix_http=off,actix_server=warn"
{upstreams}"""
        )

    def start(self):
        self.configure()
        serve = (self.program, "serve", "--config", self.config, "--roles", "gateway,identity,audit")
        self.process = Process(*serve, log=self.folder / "log", cwd=self.folder)
        until("yunshud", lambda: self.process.runs() and self.call("GET", "/.well-known/jwks.json")[0] == 200)
        return self

    def stop(self):
        self.process.stop()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def pids(self):
        return f"{self.process.pid},{PG_PID}"

    def call(self, method, path, body=None, token=None, source=None):
        """One request, on this thread's connection from that address."""
        connections = self.local.__dict__.setdefault("connections", {})
        if source not in connections:
            connections[source] = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60, source_address=(source, 0) if source else None)
        connection = connections[source]
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
        except (http.client.HTTPException, OSError):
            connections.pop(source).close()
            raise
        return answer.status, json.loads(text) if text else None

    def must(self, status, *what, **how):
        got, body = self.call(*what, **how)
        if got != status:
            raise RuntimeError(f"{what[:2]} answered {got}: {body}")
        return body

    def people(self, count, source=None):
        """So many tenants with their owner; answers the addresses."""
        emails = [f"owner@t{number}.example" for number in range(count)]

        def sign_up(number):
            body = {"tenant": {"name": f"t{number}"}, "user": {"email": emails[number], "password": PASSWORD}}
            self.must(201, "POST", "/api/v1/auth/signup", body, source=source)

        each(sign_up, range(count))
        return emails

    def login(self, email, password=PASSWORD):
        return request("POST", "/api/v1/auth/login", {"email": email, "password": password})

    def tokens(self, emails, of_each):
        """Access tokens, each of a session of its own."""
        sign_in = lambda email: self.must(200, "POST", "/api/v1/auth/login", {"email": email, "password": PASSWORD})["access_token"]
        return each(sign_in, [email for _ in range(of_each) for email in emails])


def each(work, items):
    with concurrent.futures.ThreadPoolExecutor(2 * CORES) as pool:
        return list(pool.map(work, items))


def request(method, path, body=None, **headers):
    """A whole request as it goes over the wire."""
    text = "" if body is None else json.dumps(body)
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if text:
        lines += ["Content-Type: application/json"]
    if text or method == "POST":
        lines += [f"Content-Length: {len(text.encode())}"]
    return "\r\n".join(lines) + "\r\n\r\n" + text


def measured(parts):
    """Runs each part though another one failed, prints what came of all as JSON, and leaves nothing running."""
    said = {"cores": CORES, "load_before": os.getloadavg()}
    folder = pathlib.Path(tempfile.mkdtemp(prefix="yunshu-bench-"))
    try:
        server, load = build()
        for name, part in parts.items():
            begun = time.monotonic()
            try:
                said[name] = part(server, Load(load, folder), folder)
            except Exception as error:  # What else was measured is still worth having.
                said[name] = {"error": str(error)}
                say(f"{name}: {error}")
            finally:
                Process.stop_all()
            said[name]["took_s"] = round(time.monotonic() - begun, 1)
    finally:
        Process.stop_all()
        shutil.rmtree(folder, ignore_errors=True)
    said["load_after"] = os.getloadavg()
    print(json.dumps(said))
