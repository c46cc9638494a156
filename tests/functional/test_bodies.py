import torch

from skelreg.functional.bodies import Bodies

X = torch.randn(4, 3, 6, 5, 2, generator=torch.Generator().manual_seed(0))
X[0, ..., 1] = 0
X[2] = 0


def test_every_body_has_a_row_and_finds_its_way_back():
    bodies = Bodies.every(X)
    rows = bodies.take(X)
    assert rows.shape == (8, 5, 3, 6)
    torch.testing.assert_close(bodies.put(rows.permute(2, 3, 0, 1)), X)


def test_only_present_bodies_have_rows():
    bodies = Bodies.present(X)
    assert bodies.sequence.tolist() == [0, 1, 1, 3, 3]
    assert bodies.body.tolist() == [0, 0, 1, 0, 1]
    torch.testing.assert_close(bodies.put(bodies.take(X).permute(2, 3, 0, 1)), X)


def test_the_mean_is_over_the_rows_of_each_sequence():
    rows = torch.tensor([[1.0], [2.0], [4.0], [10.0], [20.0]])
    assert Bodies.present(X).mean(rows).flatten().tolist() == [1, 3, 0, 15]


def test_a_batch_without_any_body_still_has_a_row():
    assert len(Bodies.present(torch.zeros_like(X)).sequence) == 1
