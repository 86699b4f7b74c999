"""The files of deploy/: what refers to something finds it, and no secret is written in one."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
VALUES: dict[str, Any] = yaml.safe_load((DEPLOY / "helm" / "values.yaml").read_text())
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()


def sources(service: dict[str, Any], kind: str) -> set[str]:
    named = service.get(kind, [])
    return {one["source"] if isinstance(one, dict) else str(one).partition(":")[0] for one in named}


def test_what_compose_refers_to_is_there() -> None:
    for name, service in SERVICES.items():
        assert set(service.get("depends_on", {})) <= set(SERVICES), name
        assert sources(service, "secrets") <= set(COMPOSE["secrets"]), name
        assert sources(service, "configs") <= set(COMPOSE["configs"]), name
        assert sources(service, "networks") <= set(COMPOSE["networks"]), name
        for volume in sources(service, "volumes"):
            assert volume in COMPOSE["volumes"] or (DEPLOY / volume).exists(), (name, volume)


def test_the_nodes_of_redis_keep_their_addresses() -> None:
    """They know one another by address: made anew with others, they would not find together."""
    (pool,) = COMPOSE["networks"]["inside"]["ipam"]["config"]
    prefix = "${INSIDE:-172.30.84}"
    assert pool == {"subnet": f"{prefix}.0/24", "ip_range": f"{prefix}.128/25"}
    own = [s["networks"]["inside"]["ipv4_address"] for n, s in SERVICES.items()
           if n.startswith("redis-") and n != "redis-cluster"]  # fmt: skip
    assert own == [f"{prefix}.1{n}" for n in range(1, 7)]


def test_only_the_proxy_is_reachable_and_nothing_is_root_without_need() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["caddy"]
    for name, service in SERVICES.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    assert "USER 10001:10001" in DOCKERFILE


def test_whoever_asks_a_server_checks_its_certificate() -> None:
    (ca,) = {one["target"] for service in SERVICES.values() for one in service.get("configs", [])}
    for name in ("migrate", "grant", "code", "daemon", "webserver", "api"):
        given = SERVICES[name]["environment"]
        assert given["PGSSLMODE"] == "verify-full", name
        assert given["PGSSLROOTCERT"] == ca, name
        assert given.get("TRADESYNC_SERVER_CA_FILE", ca) == ca, name
        assert sources(SERVICES[name], "configs") == {"server_ca"}, name
    for name in ("code", "api", "migrate"):
        assert "TRADESYNC_SERVER_CA_FILE" in SERVICES[name]["environment"], name


def test_a_service_gets_no_secret_of_another_role() -> None:
    assert not sources(SERVICES["webserver"], "secrets") - {"dagster_pg_password"}
    holders = {n for n, s in SERVICES.items() if "owner_database_url" in sources(s, "secrets")}
    assert holders == {"migrate"}
    assert "app_database_url" not in sources(SERVICES["api"], "secrets")


def test_who_looks_at_accounts_can_publish_what_came_of_it() -> None:
    """Without RabbitMQ's address messages count as delivered: the outbox is the mailbox then."""
    for name in ("code", "api"):
        assert {"redis_url", "rabbitmq_url"} <= sources(SERVICES[name], "secrets"), name


def test_a_check_that_needs_a_secret_reads_it() -> None:
    """Docker starts a container's check beside its entrypoint, not through it."""
    for name, service in SERVICES.items():
        kind, *check = service.get("healthcheck", {}).get("test", [""])
        if kind == "CMD" and check[0] in {"tradesync", "dagster-daemon", "entrypoint"}:
            assert check[0] == "entrypoint", name
            assert service["secrets"], name
    assert SERVICES["daemon"]["healthcheck"]["test"][1] == "entrypoint"


def make_secrets(folder: Path, docker: str) -> "subprocess.CompletedProcess[str]":
    """Run the script in a folder of its own, beside a ``docker`` that is this line of shell."""
    (folder / "bin").mkdir(exist_ok=True)
    scripts = ("make-secrets.sh", "make-certificates.sh")
    for path, text in (
        *((folder / name, (DEPLOY / name).read_text()) for name in scripts),
        (folder / "bin" / "docker", f"#!/bin/sh\n{docker}\n"),
    ):
        path.write_text(text)
        path.chmod(0o755)
    return subprocess.run(
        [folder / "make-secrets.sh", "asha"],
        env={"PATH": f"{folder / 'bin'}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_secrets_that_compose_names_are_made_all_or_none_and_never_again(tmp_path: Path) -> None:
    assert make_secrets(tmp_path, "exit 1").returncode == 1
    assert not list(tmp_path.glob("secrets*"))
    assert make_secrets(tmp_path, "tr a-z b-za").returncode == 0
    named = COMPOSE["secrets"] | COMPOSE["configs"]
    for name, secret in named.items():
        assert secret == {"file": f"secrets/{name}"}
    made = {path.name: path.read_text().rstrip("\n") for path in (tmp_path / "secrets").iterdir()}
    assert set(made) == set(named)
    assert len(set(made.values())) == len(made)
    assert made["redis_url"].startswith("rediss://")
    assert made["rabbitmq_url"].startswith("amqps://")
    for role in ("owner", "app", "api"):
        assert f"tradesync_{role}:{made[f'{role}_password']}@" in made[f"{role}_database_url"]
    assert Fernet(made["tradesync_secret_keys"])
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert make_secrets(tmp_path, "cat").returncode == 1
    assert {p.name: p.read_text().rstrip("\n") for p in (tmp_path / "secrets").iterdir()} == made


def test_secrets_do_not_enter_the_images_context() -> None:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert lines.index("deploy/secrets*") > lines.index("!deploy")


def entrypoint(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [DEPLOY / "entrypoint.sh", *command],
        env={"PATH": "/usr/bin:/bin", "SECRETS_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_files_become_variables_and_the_command_takes_the_process_over(tmp_path: Path) -> None:
    (tmp_path / "redis_url").write_text("redis://:p%40 $(id)'\"@h:1/0\n")
    found = entrypoint(tmp_path, "sh", "-c", 'printf %s "$REDIS_URL"; exit 7')
    assert (found.stdout, found.returncode) == ("redis://:p%40 $(id)'\"@h:1/0", 7)
    assert entrypoint(tmp_path / "none", "true").returncode == 0


@pytest.mark.parametrize("name", ["bad name", "a-b", "1a", "a;id"])
def test_a_file_that_can_name_no_variable_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("hunter2")
    found = entrypoint(tmp_path, "echo", "ran")
    assert (found.returncode, found.stdout) == (1, "")
    assert "cannot name a variable" in found.stderr
    assert "hunter2" not in found.stderr


def test_the_image_has_the_versions_that_were_tested() -> None:
    def pinned(file: Path) -> dict[str, str]:
        return dict(
            re.findall(r"^([a-z0-9-]+)(?:\[\w+\])?==([^ ;\\]+)", file.read_text(), re.MULTILINE)
        )

    tested, shipped = (pinned(path / "requirements.lock") for path in (DEPLOY.parent, DEPLOY))
    both = set(tested) & set(shipped)
    assert {"dagster", "sqlalchemy", "cryptography", "psycopg"} <= both
    assert {name: shipped[name] for name in both} == {name: tested[name] for name in both}
    assert "pytest" not in shipped


def test_the_image_can_tell_of_its_syncs_by_opentelemetry() -> None:
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]
    wanted = (DEPLOY / "requirements.in").read_text().splitlines()
    assert set(project["optional-dependencies"]["otel"]) <= set(wanted)
    locked = (DEPLOY / "requirements.lock").read_text()
    for one in project["optional-dependencies"]["otel"]:
        assert f"\n{one.partition('>')[0]}==" in locked


def test_the_image_has_the_python_that_is_checked() -> None:
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())
    checked = project["tool"]["mypy"]["python_version"]
    assert f"\nARG BASE=python:{checked}-slim-" in DOCKERFILE


def test_helm_runs_nothing_as_root_and_reaches_its_database_verified() -> None:
    assert VALUES["postgresql"]["postgresqlParams"]["sslmode"] == "verify-full"
    (code,) = VALUES["dagster-user-deployments"]["deployments"]
    for pod in (code, VALUES["dagsterWebserver"], VALUES["dagsterDaemon"]):
        assert pod["podSecurityContext"]["runAsNonRoot"] is True
        assert {m["name"] for m in pod["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
    runs = VALUES["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]["containerConfig"]
    assert runs["securityContext"] == code["securityContext"] != {}


def test_helm_asks_nothing_of_the_images_user_that_it_may_not_do() -> None:
    home = VALUES["global"]["dagsterHome"]
    assert f"DAGSTER_HOME={home} " in DOCKERFILE
    owned = re.search(r"install -d -o tradesync -g tradesync (.+)", DOCKERFILE)
    assert owned
    assert home in owned[1].split()
    assert VALUES["dagsterWebserver"]["service"]["port"] >= 1024


def test_helm_and_compose_let_dagster_do_the_same() -> None:
    compose = yaml.safe_load((DEPLOY / "dagster.postgres.yaml").read_text())
    daemon = VALUES["dagsterDaemon"]
    assert VALUES["additionalInstanceConfig"]["freshness"] == compose["freshness"]
    days = VALUES["retention"]["sensor"]["purgeAfterDays"]
    assert days == compose["retention"]["sensor"]["purge_after_days"]
    longest = compose["run_monitoring"]["max_runtime_seconds"]
    assert daemon["runMonitoring"]["maxRuntimeSeconds"] == longest
