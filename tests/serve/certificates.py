# SPDX-License-Identifier: MIT
"""Authorities, and certificates of both ends of TLS that they have signed."""
import os
import subprocess


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, text=True)


class Certificates:
    def __init__(self, folder):
        self.folder = folder
        for name in "ca", "foreign":
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem", "-days", 2,
                    "-subj", f"/CN={name}")
        self.sign("server", "ca")
        self.sign("client", "ca")
        self.sign("stranger", "foreign")
        self.sign("late", "ca", days=-1)

    def sign(self, name, authority, days=2):
        at = self.folder
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                at / f"{name}.key", "-out", at / f"{name}.csr", "-subj", f"/CN={name}")
        (at / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", at / f"{name}.csr", "-CA", at / f"{authority}.pem", "-CAkey",
                at / f"{authority}.key", "-CAcreateserial", "-days", days, "-extfile", at / "names", "-out",
                at / f"{name}.pem")
        os.chmod(at / f"{name}.key", 0o600)

    def bytes(self, name):
        return (self.folder / name).read_bytes()
