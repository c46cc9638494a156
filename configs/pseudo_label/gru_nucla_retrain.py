# The second stage of two: train anew on the labels that the first stage has predicted.
#   python tools/train.py configs/supervised/gru_nucla.py
#   python tools/predict_labels.py configs/supervised/gru_nucla.py CHECKPOINT --out labels.json
#   python tools/train.py configs/pseudo_label/gru_nucla_retrain.py
# With another draw of labels, or another file: --cfg-options train_dataloader.dataset.pseudo_labels=FILE
_base_ = ['../supervised/gru_nucla.py']
train_dataloader = dict(batch_sampler=None, drop_last=True, dataset=dict(pseudo_labels='labels.json'))
