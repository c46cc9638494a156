from setuptools import find_packages, setup

setup(
    name='skelreg-mixing',
    version='0.1.0',
    description='Mixup, CutMix and ResizeMix of skeleton sequences for skelreg',
    license='Apache-2.0',
    python_requires='>=3.11',
    packages=find_packages(include=['skelreg_mixing']),
    install_requires=['skelreg>=0.1,<0.2'],
    entry_points={'skelreg': ['mixing = skelreg_mixing']},
)
