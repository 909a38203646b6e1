# SPDX-License-Identifier: MIT
"""What `make install` and the Debian package put on a machine, and that it all goes away again."""
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import tarfile

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("KYMO_BUILD", TOP / "build"))
VERSION = (TOP / "VERSION").read_text().strip()


def run(*words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
    return done.stdout


def make(*words):
    return run("make", "-s", f"B={BUILD}", *words, cwd=TOP)


def files(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def test_install_and_uninstall(tmp_path):
    make(f"DESTDIR={tmp_path}", "PREFIX=/opt/kymo", "install")
    here = files(tmp_path)
    for name in ("bin/kymo", "share/man/man1/kymo.1.gz", "share/man/man1/kymo-help.1.gz",
                 "share/bash-completion/completions/kymo", "share/zsh/site-functions/_kymo",
                 "share/doc/kymo/README.md", "share/doc/kymo/LICENSE"):
        assert f"opt/kymo/{name}" in here
    assert run(tmp_path / "opt/kymo/bin/kymo", "--version").startswith(f"kymo {VERSION}\n")
    page = gzip.decompress((tmp_path / "opt/kymo/share/man/man1/kymo.1.gz").read_bytes())
    assert b".TH KYMO 1 " in page
    make(f"DESTDIR={tmp_path}", "PREFIX=/opt/kymo", "uninstall")
    assert files(tmp_path) == []


@pytest.fixture(scope="module")
def package():
    for tool in ("dpkg-deb", "dpkg-shlibdeps"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    path = pathlib.Path(make("package").splitlines()[-1])
    return path if path.is_absolute() else TOP / path


def test_control(package):
    fields = dict(line.split(": ", 1) for line in run("dpkg-deb", "--field", package).splitlines()
                  if re.match(r"[A-Z][\w-]*: ", line))
    assert fields["Package"] == "kymo"
    assert fields["Version"] == VERSION
    assert fields["Architecture"] == run("dpkg", "--print-architecture").strip()
    depends = {part.split()[0] for part in fields["Depends"].split(", ")}
    assert "libc6" in depends
    # Every library the program asks for comes with a package that is named.
    needed = re.findall(r"NEEDED\s+(\S+)", run("objdump", "-p", BUILD / "kymo"))
    for library in needed:
        owners = run("dpkg-query", "-S", f"*/{library}").splitlines()
        assert any(owner.split(":")[0] in depends for owner in owners), library


def test_contents(package):
    listed = run("dpkg-deb", "--contents", package)
    names = {line.split()[5] for line in listed.splitlines()}
    assert {"./usr/bin/kymo", "./usr/share/man/man1/kymo.1.gz",
            "./usr/share/bash-completion/completions/kymo",
            "./usr/share/zsh/vendor-completions/_kymo",
            "./usr/share/doc/kymo/copyright", "./lib/systemd/system/kymo.service"} <= names
    for line in listed.splitlines():
        mode, owner = line.split()[:2]
        assert owner == "root/root"
        assert mode[5] == "-" and mode[8] == "-", line  # only root may write


def test_installed_and_removed(package, tmp_path):
    admin = tmp_path / "var/lib/dpkg"
    for folder in ("info", "updates", "triggers", "parts"):
        (admin / folder).mkdir(parents=True)
    for name in ("status", "available"):
        (admin / name).touch()
    # What its scripts do is tried in the machines of tests/kernel: here is nothing they could run on.
    dpkg = ["dpkg", f"--root={tmp_path}", "--force-not-root", "--force-depends",
            "--force-script-chrootless", "--log=/dev/null"]
    env = {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    run(*dpkg, "--install", package, env=env)
    assert run(tmp_path / "usr/bin/kymo", "--version").startswith(f"kymo {VERSION}\n")
    assert "install ok installed" in run(*dpkg, "--status", "kymo", env=env)
    run(*dpkg, "--purge", "kymo", env=env)
    left = [name for name in files(tmp_path) if not name.startswith("var/lib/dpkg/")]
    assert left == []
    assert not (tmp_path / "usr").exists()


def test_the_same_source_makes_the_same_package(package):
    first = package.read_bytes()
    make("package")
    assert package.read_bytes() == first


def make_tarball():
    return subprocess.run(["make", "-s", f"B={BUILD}", "tarball"], cwd=TOP, capture_output=True, text=True,
                          env={**os.environ, "KYMO_XZ": "-0"})


@pytest.fixture(scope="module")
def tarball():
    """Without libraries: what decodes instructions is made from its source, which has to be fetched once."""
    done = make_tarball()
    if done.returncode and "zydis: " in done.stderr: # no network, or no lists of apt
        pytest.skip(next(line for line in done.stderr.splitlines() if line.startswith("zydis: ")))
    assert done.returncode == 0, done.stderr
    path = pathlib.Path(done.stdout.splitlines()[-1])
    return path if path.is_absolute() else TOP / path


def test_contents_of_the_tarball(tarball):
    with tarfile.open(tarball) as archive:
        members = {member.name.partition("/")[2]: member for member in archive.getmembers()}
        terms = archive.extractfile(members["share/doc/kymo/copyright"]).read().decode()
    assert {"bin/kymo", "share/man/man1/kymo.1.gz", "share/man/man1/kymo-profile.1.gz",
            "share/bash-completion/completions/kymo", "share/zsh/site-functions/_kymo",
            "share/doc/kymo/README.md"} <= set(members)
    for name, member in members.items():
        assert (member.uid, member.gid) == (0, 0) and not member.mode & 0o022, name
    linked = set(re.findall(r"^== (\S+)$", terms, re.MULTILINE))
    assert {"libc6", "libbpf-dev", "libelf-dev", "libssl-dev", "libsqlite3-dev"} <= linked


INSIDE = """
mount --make-rprivate / && mount --rbind /proc "$1/proc" && mount --rbind /sys "$1/sys" || exit 77
chroot "$1" /bin/kymo --version && chroot "$1" /bin/kymo profile -d 1 -f folded -o /all || exit 1
DEBUGINFOD_URLS=http://127.0.0.1:1 chroot "$1" /bin/kymo profile -d 1 --debuginfod -f folded -o /none
"""


def test_the_tarball_in_a_root_with_nothing_else(tarball, tmp_path):
    """No C library, no loader, no shell: nothing but the kernel's own files."""
    if os.geteuid() != 0:
        pytest.skip("only root may change the root")
    with tarfile.open(tarball) as archive:
        for member in archive.getmembers():
            member.name = member.name.partition("/")[2] or "."
            archive.extract(member, tmp_path)
    for folder in ("proc", "sys"):
        (tmp_path / folder).mkdir()
    with subprocess.Popen(["sh", "-c", "while :; do :; done"]) as busy: # an idle host has no samples
        try:
            done = subprocess.run(["unshare", "--mount", "sh", "-c", INSIDE, "sh", tmp_path],
                                  capture_output=True, text=True, timeout=60)
        finally:
            busy.kill()
    if done.returncode == 77:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    assert done.stdout.startswith(f"kymo {VERSION}\n"), done.stderr
    assert (tmp_path / "all").stat().st_size > 0, done.stderr
    # It loads no library, and says so.
    assert done.returncode and "linked without libraries" in done.stderr


def test_the_same_source_makes_the_same_tarball(tarball):
    first = tarball.read_bytes()
    assert make_tarball().returncode == 0
    assert tarball.read_bytes() == first
