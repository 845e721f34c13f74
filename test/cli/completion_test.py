"""The completions of bash and zsh name every command that the command line has."""
import os
import pathlib
import shutil
import subprocess
import unittest

ROLESWAP = pathlib.Path(os.environ["ROLESWAP"])
FOLDER = pathlib.Path(__file__).parents[2] / "scripts" / "completion"

# What the shell asks and shows, without a terminal: one word a line.
BASH = """
. "$0/roleswap"
COMP_WORDS=(roleswap "$@") COMP_CWORD=$#
_roleswap
printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """
compadd() { print -rl -- "${(@P)2}" }
_files() { print -rl -- files }
. $0/_roleswap
words=(roleswap "$@") CURRENT=$#words PREFIX=$words[-1]
_roleswap
"""


def known(*words):
    """What the command line itself knows, from its help."""
    shown = subprocess.run([ROLESWAP, *words, "--help"], capture_output=True, text=True, check=True)
    names, commands = [], False
    for line in shown.stdout.splitlines():
        if line and line[0] != " ":  # a heading: "Look:", "Subcommands:", "Options:"
            commands = line.endswith(":") and not line.startswith(("Options", "Positionals", "Usage"))
        elif commands and line.startswith("  ") and line[2:3].strip():
            names.append(line.split()[0])
    return names


class Completion(unittest.TestCase):
    def complete(self, shell, *words):
        script, flags = {"bash": (BASH, ["--norc"]), "zsh": (ZSH, ["-f"])}[shell]
        environment = dict(os.environ, PATH="%s:%s" % (ROLESWAP.parent, os.environ["PATH"]))
        done = subprocess.run([shutil.which(shell), *flags, "-c", script, FOLDER, *words],
                              env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def names_every_command(self, shell):
        top = known()
        self.assertGreater(len(top), 20)
        self.assertEqual(self.complete(shell, ""), top)
        deep = [name for name in top if known(name)]
        self.assertGreater(len(deep), 5)
        for name in deep:
            self.assertEqual(self.complete(shell, name, ""), known(name), name)

    def test_bash_names_every_command(self):
        self.names_every_command("bash")

    def test_bash_goes_on_with_what_is_begun(self):
        self.assertEqual(self.complete("bash", "que"), ["queue"])
        self.assertIn("--restore", self.complete("bash", "queue", "release", "--re"))

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh_names_every_command(self):
        self.names_every_command("zsh")

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh_goes_on_with_what_is_begun_and_else_with_files(self):
        self.assertEqual(self.complete("zsh", "que"), ["queue"])
        self.assertIn("--restore", self.complete("zsh", "queue", "release", "--re"))
        self.assertEqual(self.complete("zsh", "apply", ""), ["files"])

    def test_both_ask_the_program_and_not_a_list_of_their_own(self):
        for name in ("roleswap", "_roleswap"):
            self.assertIn("roleswap --complete", (FOLDER / name).read_text())


if __name__ == "__main__":
    unittest.main()
