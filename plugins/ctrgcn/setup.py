from setuptools import find_packages, setup

setup(
    name='skelreg-ctrgcn',
    version='0.1.0',
    description='CTR-GCN, channel-wise topology refinement, as a backbone of skelreg',
    license='Apache-2.0',
    python_requires='>=3.11',
    packages=find_packages(include=['skelreg_ctrgcn']),
    install_requires=['skelreg>=0.1,<0.2'],
    entry_points={'skelreg': ['ctrgcn = skelreg_ctrgcn']},
)
