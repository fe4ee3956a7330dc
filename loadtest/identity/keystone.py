"""OpenStack Keystone 30 under uwsgi on the same PostgreSQL: what it needs to run, and tokens made with its own key.

Its caches are on and believe what they hold as long as our gateway does, so both feel a revocation equally late."""

import json
import pathlib
import subprocess
import sys

PACKAGES = ("keystone==30.0.0", "uwsgi==2.0.31", "psycopg2-binary==2.9.13")

CONFIG = """[DEFAULT]
log_file = {folder}/keystone.log
[database]
connection = postgresql+psycopg2://postgres@/{database}?host={socket}&port={port}
[cache]
enabled = true
backend = dogpile.cache.memory
expiration_time = {fresh_s}
[revoke]
cache_time = {fresh_s}
[token]
provider = fernet
expiration = 3600
cache_time = {fresh_s}
[fernet_tokens]
key_repository = {folder}/fernet-keys
[fernet_receipts]
key_repository = {folder}/fernet-receipts
[identity]
password_hash_rounds = 4
"""


class Keystone:
    def __init__(self, bench, folder, fresh_s):
        self.bench, self.folder, self.port = bench, folder / "keystone", bench.free_port()
        self.venv = bench.STATE / "keystone"
        self.config = self.folder / "keystone.conf"
        self.install()
        self.folder.mkdir()
        bench.anew("bench_keystone")
        place = {"folder": self.folder, "database": "bench_keystone", "socket": bench.PG_SOCKET, "port": bench.PG_PORT}
        self.config.write_text(CONFIG.format(fresh_s=fresh_s, **place))
        self.manage("db_sync")
        for keys in ("fernet_setup", "receipt_setup"):
            self.manage(keys, "--keystone-user", "root", "--keystone-group", "root") if is_root() else self.manage(keys)
        url = f"http://127.0.0.1:{self.port}/v3/"
        self.manage("bootstrap", "--bootstrap-password", bench.PASSWORD, "--bootstrap-public-url", url, "--bootstrap-region-id", "one")

    def install(self):
        wanted = "\n".join(PACKAGES)
        mark = self.venv / "installed"
        if mark.exists() and mark.read_text() == wanted:
            return
        self.bench.say("install Keystone")
        self.bench.run(sys.executable, "-m", "venv", "--clear", str(self.venv))
        self.bench.run(str(self.venv / "bin/pip"), "install", "--quiet", *PACKAGES)
        mark.write_text(wanted)

    def manage(self, *words):
        self.bench.run(str(self.venv / "bin/keystone-manage"), "--config-file", str(self.config), *words)

    def start(self):
        """One process for each core. Connections stay open, and each is served by one process."""
        environment = {"PATH": "/usr/bin:/bin", "OS_KEYSTONE_CONFIG_FILES": str(self.config)}
        serve = [self.venv / "bin/uwsgi", "--http11-socket", self.address, "--master", "--processes", self.bench.CORES, "--need-app"]
        serve += ["--module", "keystone.wsgi.api:application", "--enable-threads", "--buffer-size", "65535", "--disable-logging"]
        serve += ["--so-keepalive", "--die-on-term", "--virtualenv", self.venv, "--add-header", "Connection: Keep-Alive"]
        self.process = self.bench.Process(*serve, log=self.folder / "uwsgi.log", cwd=self.folder, env=environment)
        self.bench.until("Keystone", lambda: self.process.runs() and self.is_up())
        return self

    def is_up(self):
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/v3", headers={"Connection": "close"})
        up = connection.getresponse().status == 200
        connection.close()
        return up

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def pids(self):
        return f"{self.process.pid},{self.bench.PG_PID}"

    def tokens(self, people, count):
        """A token of the administrator, and so many of that many people, each of a project of their own."""
        mint = [self.venv / "bin/python", pathlib.Path(__file__), self.config, people, count]
        made = json.loads(self.bench.run(*[str(word) for word in mint]).splitlines()[-1])
        return made["admin"], made["tokens"]


def is_root():
    return subprocess.run(["id", "-u"], capture_output=True, text=True).stdout.strip() == "0"


def mint(config, people, count):
    """Runs in Keystone's own Python: issuing them one by one over HTTP would take an hour."""
    import datetime
    import uuid

    import keystone.server
    from keystone.common import provider_api, utils
    from keystone.token import provider, token_formatters

    keystone.server.configure(config_files=[config])
    keystone.server.setup_backends()
    api = provider_api.ProviderAPIs
    member = next(role for role in api.role_api.list_roles() if role["name"] == "member")
    admin = next(user for user in api.identity_api.list_users() if user["name"] == "admin")
    home = next(project for project in api.resource_api.list_projects() if project["name"] == "admin")
    owners = []
    for number in range(people):
        project = {"id": uuid.uuid4().hex, "name": f"p{number}", "domain_id": "default", "enabled": True, "description": ""}
        api.resource_api.create_project(project["id"], project)
        user = api.identity_api.create_user({"name": f"u{number}", "domain_id": "default", "enabled": True, "password": "x" * 16})
        api.assignment_api.create_grant(member["id"], user_id=user["id"], project_id=project["id"])
        owners.append((user["id"], project["id"]))
    until = utils.isotime(datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1), subsecond=True)
    formatter = token_formatters.TokenFormatter()

    def token(user, project):
        audit = [provider.random_urlsafe_str()]
        scoped = token_formatters.ProjectScopedPayload
        made = formatter.create_token(user, until, audit, scoped, methods=["password"], project_id=project)
        return made[0] if isinstance(made, tuple) else made

    tokens = [token(*owners[number % people]) for number in range(count)]
    print(json.dumps({"admin": token(admin["id"], home["id"]), "tokens": tokens}))


if __name__ == "__main__":
    # Else this file would be found where it asks for the package, which reads the arguments as well.
    sys.path.pop(0)
    config, people, count = sys.argv[1:]
    del sys.argv[1:]
    mint(config, int(people), int(count))
