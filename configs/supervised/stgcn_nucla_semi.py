# The fine-tuning of hiclr/stgcn_nucla_semi.py on the same labels, from scratch: run it without --pretrained.
_base_ = ['../hiclr/stgcn_nucla_semi.py']
protocol = 'supervised_semi'
