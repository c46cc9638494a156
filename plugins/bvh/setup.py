from setuptools import find_packages, setup

setup(
    name='skelreg-bvh',
    version='0.1.0',
    description='A reader of BVH motion capture for skelreg',
    license='Apache-2.0',
    python_requires='>=3.11',
    packages=find_packages(include=['skelreg_bvh']),
    package_data={'skelreg_bvh': ['example/*']},
    install_requires=['skelreg>=0.1,<0.2'],
    entry_points={'skelreg': ['bvh = skelreg_bvh']},
)
