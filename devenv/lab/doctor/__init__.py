"""``devenv doctor``: reads settings, looks at what they point at, and lets the rules judge."""

from devenv.lab.doctor.junit import junit_xml
from devenv.lab.doctor.usecase import Examined, Wish, examine

__all__ = ["Examined", "Wish", "examine", "junit_xml"]
