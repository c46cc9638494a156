# Nearest neighbours by cosine on features of a frozen encoder: run with tools/test.py, nothing is trained.
protocol = 'knn'
model = dict(type='Learner', data_preprocessor=dict(type='SkeletonPreprocessor'))
test_cfg = dict(type='KNNTestLoop', k=(1, 5, 20))
test_evaluator = dict(type='ClassificationMetric')
