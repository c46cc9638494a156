from setuptools import find_packages, setup

setup(
    name='skelreg-masked-motion',
    version='0.1.0',
    description='Masked motion prediction as a pretext task for skelreg',
    license='Apache-2.0',
    python_requires='>=3.11',
    packages=find_packages(include=['skelreg_masked_motion']),
    install_requires=['skelreg>=0.1,<0.2'],
    entry_points={'skelreg': ['masked_motion = skelreg_masked_motion']},
)
