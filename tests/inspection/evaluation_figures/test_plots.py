import numpy as np

from augseq.inspection.evaluation_figures.confusion import count_confusion, draw_confusion
from augseq.inspection.evaluation_figures.curves import draw_history


def test_a_history_shows_both_parts_of_loss_and_accuracy() -> None:
    history = {"loss": [2, 1], "accuracy": [0.5, 0.75], "val_loss": [3, 2], "val_accuracy": [0, 1]}
    loss, accuracy = draw_history(history).axes
    assert [line.get_label() for line in loss.lines] == ["training", "validation"]
    assert accuracy.lines[0].get_ydata().tolist() == [50, 75]
    assert (accuracy.get_xlabel(), accuracy.get_ylabel()) == ("epoch", "accuracy (%)")


def test_confusion_counts_true_classes_by_row_and_predictions_by_column() -> None:
    counts = count_confusion(np.array([0, 0, 1, 2]), np.array([0, 2, 1, 2]), 3)
    assert counts.tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 1]]


def test_a_confusion_matrix_names_classes_and_accuracy() -> None:
    axes = draw_confusion(np.array([[3, 1], [0, 4]]), ["cat", "dog"]).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]
    assert axes.get_title() == "87.5% of 8 images classified correctly"
    assert sorted(text.get_text() for text in axes.texts) == ["1", "3", "4"]


def test_a_class_without_images_and_many_classes_are_drawn_too() -> None:
    axes = draw_confusion(np.eye(40, dtype=np.int64) * 0, [f"class {k}" for k in range(40)]).axes[0]
    assert len(axes.get_xticklabels()) == 40
    assert not axes.texts
