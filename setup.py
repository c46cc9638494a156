"""Packaging of skelreg; the exact versions that are tested stand in constraints.txt."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r"^__version__ = '([^']+)'$", (ROOT / 'skelreg/__init__.py').read_text('utf-8'), re.M)[1]
README = ROOT / 'README.md'

# MMEngine's internals are mended in skelreg.compat, so the next minor version needs a look first.
REQUIRES = [
    'torch>=2.6',
    'mmengine-lite>=0.10.7,<0.11',
    'opencv-python-headless>=4.8',
    'numpy>=1.26',
    'pyyaml>=6.0',
    'pluggy>=1.5',
    'rich>=13.0',
    'packaging>=23.0',
]
EXTRAS = {
    'test': [
        'pytest>=8.0',
        'pytest-xdist>=3.5',
        'scikit-learn>=1.4',
        'ruff>=0.9',
        'mypy>=1.14',
        'types-PyYAML',
    ],
    'vis': ['matplotlib>=3.8', 'scikit-learn>=1.4'],
    'cluster': ['ray>=2.40'],
}

setup(
    name='skelreg',
    version=VERSION,
    description='Self- and semi-supervised skeleton action recognition, composed from registries',
    long_description=README.read_text('utf-8') if README.exists() else '',
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.11,<3.14',
    packages=find_packages(include=['skelreg', 'skelreg.*']),
    package_data={
        'skelreg': ['py.typed'],
        'skelreg.graphs': ['layouts/*.yaml'],
        'skelreg.datasets': ['cards/*.yaml', 'readers/*.txt'],
        'skelreg.report': ['*.css', '*.js'],
        'skelreg.scaffold': ['templates/*.txt'],
    },
    install_requires=REQUIRES,
    extras_require=EXTRAS,
    zip_safe=False,
)
