# Fine-tuning of an encoder that was pretrained on another dataset of the same skeleton layout.
_base_ = ['./finetune.py']
protocol = 'transfer'
