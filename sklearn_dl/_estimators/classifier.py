"""DLClassifier.

Knows what classes as targets need; everything else is in the base.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence, Set
from os import PathLike
from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.model_selection import BaseCrossValidator

from .._data import MOST_WEIGHT, Table, check_truth, check_weight, told
from .._numerics import MatrixLike
from .._training import Plan
from ..encoding import TableEncoder
from ..heads import ClassHead, Head, are_probabilities
from ..layers import Activation, Layer
from ..losses import Loss
from ..numeric_embeddings import NumericEmbedding
from ..schedules import Schedule
from ..solvers import LBFGS, Solver
from .available import available_if
from .base import BaseDL, Call
from .callbacks import with_callbacks
from .registry import is_stochastic

__all__ = ["DLClassifier"]

TEXT = "OU"  # the kinds of arrays of text, once they are labels


@final
class DLClassifier(ClassifierMixin, BaseDL):
    """Neural network for classification: a multilayer network in NumPy, trained by gradient descent.

    Takes labels of any type: two or more classes, several yes-or-no labels a row (an indicator matrix), or several
    targets with classes of their own.

    Parameters
    ----------
    hidden_layer_sizes : int, sequence of int or "auto", default="auto"
        Units of each hidden layer; ``()`` is the linear model; "auto" is ``(128, 128)`` with several members,
        ``(100,)`` with one.
    activation : str, Activation or sequence of such, default="relu"
        Activation of the hidden layers, or one for each: "identity", "logistic", "tanh", "relu", "leaky_relu", "elu",
        "selu", "gelu", "silu", "mish", "softplus", or an object of `sklearn_dl.layers`, also of a class of your own
        that inherits `Activation` and sets `gain`, for the initial weights after it.
    loss : str or Loss, default="log_loss"
        What is minimised: "log_loss", "focal", or an object of `sklearn_dl.losses`
        with settings.
    solver : str, Solver or LBFGS, default="auto"
        How: "sgd", "rmsprop", "adam", "adamw", "lbfgs", or an object of `sklearn_dl.solvers` with settings, which a
        grid reaches as ``solver__...``; "auto" is ``AdamW()``, which is
        ``AdamW(beta_2=0.95, weight_decay=0.1)`` with several members and ``AdamW(beta_2=0.999, weight_decay=0.5)`` with
        one.
    alpha : float >= 0, default=0.0
        Strength of the penalty α/2 ‖W‖² on weights, not on biases. The objective is
        (Σ wᵢ lossᵢ + α/2 ‖W‖²) / Σ wᵢ over the training set, whatever the batch size.
    learning_rate : str or Schedule, default="cosine"
        Schedule of the stochastic solvers: "constant", "invscaling", "adaptive", "cosine", "one_cycle", "coslog", or
        an object of `sklearn_dl.schedules` with settings.
    learning_rate_init : float > 0 or "auto", default="auto"
        Base value of the learning rate; "auto" is 0.006 with several members and AdamW (times 192 / the
        units of the widest layer, where that is wider), else the solver's own.
    batch_size : int, "auto" or None, default="auto"
        Rows a step; "auto" is 64 for tables of up to 1024 rows, 128 up to 8192, 256 up to 30 000 and with several
        members above, else 512 up to 100 000 and 1024 above; None is all rows.
    max_iter : int or "auto", default="auto"
        Epochs at most; iterations for L-BFGS. "auto" is 200 with one member; with several
        3200 / √n for n rows, but at least 8 and at most 64.
    shuffle : bool, default=True
        Whether each epoch has an order of its own.
    clip_norm : float > 0 or None, default=None
        Largest norm of a step's gradient.
    dropout : float in [0, 1), sequence of float, or "auto", default="auto"
        Share of a hidden layer's units that a training step leaves out, for all layers or for each; "auto" is 0.1
        with several members from 100 rows on, else 0.
    normalization : {"batch", "layer"} or None, default=None
        Normalisation before each activation.
    architecture : {"mlp", "resnet"} or callable, default="mlp"
        What the layers make; a callable with the signature of `sklearn_dl.architectures.mlp` returns a `Layer`.
    n_members : int or "auto", default="auto"
        Members of an ensemble inside one network: those of a group have a scaling of the input and a last layer of
        their own and share the layers between; the members predict the mean of their predictions. "auto" is 8, but 1
        below 100 rows, for the linear model, for L-BFGS and for an architecture of one's own.
    n_folds : int, splitter or "auto", default="auto"
        Folds of the rows. The members are shared out to as many groups, each a network of its own, that never sees the
        rows of one fold and so judges them honestly, which chooses the epoch and how sure the
        probabilities are.
        A splitter of scikit-learn, such as ``GroupKFold(4)`` or ``TimeSeriesSplit(4)``, says which rows they are;
        see docs/folds.md. 1 is none, and one group. "auto" is 4 with several members from 100 rows on.
    numeric_embedding : {"periodic", "piecewise_linear", "mixed"}, NumericEmbedding, "auto" or None, default="auto"
        What each number becomes before the network: learnt sums of waves, of pieces between quantiles, or both, beside
        the number; an object of `sklearn_dl.numeric_embeddings` has settings, which a grid reaches as
        ``numeric_embedding__...``; None leaves it as it is; "auto" is "mixed" with several members, else None. Sparse
        tables are left as they are.
    encoder : "auto", TableEncoder or None, default="auto"
        What happens to X before the network: "auto" is ``TableEncoder()``, which takes raw tables with missing values,
        text and categories; a `TableEncoder` has settings, which a grid reaches as ``encoder__...``; None takes finite
        numbers as they are.
    class_weight : dict, "balanced", list of dict or None, default=None
        Weight of each class, multiplied with the rows' weights; "balanced" gives each class the same total. For
        several targets a list of dicts, one for each. A dict may name classes that y lacks, such as those that a fold
        does not hold.
    early_stopping : bool or "auto", default="auto"
        Whether to stop when the judged rows have not improved for `n_iter_no_change` epochs, and return to the best
        weights: those that folds leave out, without folds rows that are held out, or `X_val`. "auto" does so with a
        single member above 10 000 rows, or where `X_val` is given to `fit`. With False, training runs to `max_iter`.
    validation_fraction : float in (0, 1), default=0.1
        Share of the rows that early stopping holds out where there are no folds; classes are stratified.
    n_iter_no_change : int or inf, default=10
        Epochs without improvement that end the training.
    tol : float >= 0, default=1e-4
        What counts as improvement; for L-BFGS, the largest component of the gradient at convergence.
    scoring : "loss", str, callable, None or list of such, default="loss"
        What chooses the epoch: the loss, or a scorer of scikit-learn (None: the estimator's own). Of a list it is
        the first; the others are recorded in `history_` alone, as `validation_` and the scorer's name.
    target_loss : float or None, default=None
        Stop as soon as the training loss of an epoch is at or below it.
    max_time : float > 0 or None, default=None
        Stop after the epoch that passes this many seconds. A schedule towards the end of a training takes the share
        of the time for its progress where that is larger than the share of the epochs, except under a `Checkpoint`.
        With folds a quarter of it is for the last epochs, which learn from all rows.
    dtype : {"auto", "bfloat16", "float32", "float64"}, default="auto"
        Precision of the training; "auto" is double where that costs little time, else single. Predictions are float64.
        "bfloat16" is single, but with large products of numbers that are rounded to bfloat16, with single sums: faster
        on a processor with AMX, needs the package `mkl` (``pip install "sklearn-dl[mkl]"``). What was fitted is as
        "float32" leaves it, and predicts without either.
    warm_start : bool, default=False
        Whether `fit` goes on from what was fitted, up to `max_iter` epochs more, with what the solver keeps.
    random_state : int, RandomState or None, default=None
        Decides initial weights, order of the rows, dropout and validation rows; an int gives the same bits each time.
    verbose : bool or int, default=0
        Epochs from one printed line to the next: 1 or True is a line an epoch, 10 one every tenth epoch. A last line
        says which epoch was kept.
    n_jobs : int or None, default=None
        Processes that train the parts of an ensemble side by side where a fit takes seconds, and threads that share out
        a training step of one large network, or a prediction; they never change the result. -1 is all cores; None is
        no process, and as many threads as BLAS may use; inside a worker of joblib what that grants. BLAS itself is held
        to one thread meanwhile.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), (n_labels,) or (2, 2), or list of ndarray
        The class labels, sorted, those of rows of weight 0 too; a list for several targets with classes of their own,
        for an indicator matrix the numbers of the labels, or 0 and 1 for each of two.
    fitted_ : Fitted
        The record of the fit, from which the other attributes follow: encoder, head, network, state, history, layout.
    network_ : Network
        What was learnt: ``network_.values`` is one vector, ``network_.entries()`` says what lies where.
    encoder_ : TableEncoder or None
        What happens to X before the network.
    settings_ : dict
        What each parameter that was "auto" became in the last fit; passed as parameters they give the same fit.
    coefs_, intercepts_ : tuple of ndarray
        Weights and biases of each layer, as writable views; assigning copies in. Only for a chain of Dense layers.
    history_ : list of dict
        One record an epoch: "epoch", "loss", "learning_rate", "seconds", and with validation "validation_loss",
        "validation_score" and those of further scorers. Of `partial_fit`, the last 1000.
    loss_ : float
        Training loss of the last epoch, in the units that the network sees, without penalty, before each step.
    best_loss_ : float
        Validation loss of `best_epoch_`; without validation, lowest training loss.
    best_epoch_ : int or None
        The epoch of the best validation, whose weights were kept, or with folds gone on from in the last epochs, which
        learn from all rows; None without validation.
    best_validation_score_ : float or None
        Validation score of that epoch; None without validation or with ``scoring="loss"``.
    loss_curve_ : list of float
        Training loss of each epoch.
    validation_loss_curve_, validation_scores_ : list of float or None
        Validation loss and score of each epoch that was judged: all of them with rows that are held out; with folds
        some 32 of them, the first eight included, the loss being that of the left-out rows at their temperature. Their
        numbers are in `history_`, whose other records lack the two.
    n_iter_ : int
        Epochs that the network was trained for, over all calls.
    ended_by_ : str or None
        What ended the last call of `fit`: "max_iter", "early_stopping", "target_loss", "max_time", "callback",
        "convergence" (of L-BFGS), "non_finite_loss" or "interrupt"; None before one.
    n_layers_ : int
        Layers, input and output included.
    n_outputs_ : int
        Outputs of the network.
    out_activation_ : str
        Inverse link: "logistic", "softmax" or "grouped".
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of str
        Names of the columns of X, where it has names.

    See Also
    --------
    DLRegressor : The same for numbers.
    sklearn.neural_network.MLPClassifier : scikit-learn's own.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_dl import DLClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = DLClassifier(random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.95)
    True
    >>> model.predict_proba(X[:2]).shape
    (2, 3)
    """

    _head: ClassVar[type[Head]] = ClassHead

    def __init__(
        self,
        *,
        hidden_layer_sizes: int | Sequence[int] | Literal["auto"] = "auto",
        activation: str | Activation | Sequence[str | Activation] = "relu",
        loss: str | Loss = "log_loss",
        solver: str | Solver | LBFGS = "auto",
        alpha: float = 0.0,
        learning_rate: str | Schedule = "cosine",
        learning_rate_init: float | Literal["auto"] = "auto",
        batch_size: int | Literal["auto"] | None = "auto",
        max_iter: int | Literal["auto"] = "auto",
        shuffle: bool = True,
        clip_norm: float | None = None,
        dropout: float | Sequence[float] | Literal["auto"] = "auto",
        normalization: Literal["batch", "layer"] | None = None,
        architecture: Literal["mlp", "resnet"] | Callable[..., Layer] = "mlp",
        n_members: int | Literal["auto"] = "auto",
        n_folds: int | BaseCrossValidator | Literal["auto"] = "auto",
        numeric_embedding: str | NumericEmbedding | None = "auto",
        encoder: TableEncoder | Literal["auto"] | None = "auto",
        class_weight: dict[Any, float] | list[dict[Any, float]] | Literal["balanced"] | None = None,
        early_stopping: bool | Literal["auto"] = "auto",
        validation_fraction: float = 0.1,
        n_iter_no_change: float = 10,
        tol: float = 1e-4,
        scoring: str | Callable[..., float] | Sequence[Any] | None = "loss",
        target_loss: float | None = None,
        max_time: float | None = None,
        dtype: DTypeLike = "auto",
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = 0,
        n_jobs: int | None = None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.solver = solver
        self.alpha = alpha
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.clip_norm = clip_norm
        self.dropout = dropout
        self.normalization = normalization
        self.architecture = architecture
        self.n_members = n_members
        self.n_folds = n_folds
        self.numeric_embedding = numeric_embedding
        self.encoder = encoder
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.scoring = scoring
        self.target_loss = target_loss
        self.max_time = max_time
        self.dtype = dtype
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.n_jobs = n_jobs

    @with_callbacks
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        resume_from: str | PathLike[str] | None = None,
    ) -> DLClassifier:
        """Fit the network.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n, n_features)
            The table; numbers may be missing, and a DataFrame may hold text and categories.
        y : array-like of shape (n,), (n, n_outputs) or (n, n_classes)
            Labels: booleans, numbers, text or datetime64; an indicator matrix, or a column of labels for each target.
            Or, for a network that learns from another model, rows of probabilities with a sum of 1, recognised by their
            fractions; the classes are then the columns of a DataFrame, in sorted order, or 0, 1, ...
        sample_weight : array-like of shape (n,) or None, default=None
            Weight of each row, not negative; a weight of 2 counts as the row twice.
        X_val, y_val : array-like or None, default=None
            Validation set for early stopping, in place of rows held out.
        sample_weight_val : array-like or None, default=None
            Weights of the validation rows.
        groups : array-like of shape (n,) or None, default=None
            Which rows belong together (of one person, shop or day): all rows of a value lie in one fold, or are held
            out together; rows where it is missing are one group. Also for a splitter as `n_folds`. With "auto" there
            are no more folds than values.
        resume_from : path or None, default=None
            A checkpoint of this very fit, written by `sklearn_dl.checkpoint.Checkpoint`: training goes on from it, to
            the same bits as if it had never been interrupted.

        Returns
        -------
        self : DLClassifier

        Raises
        ------
        ValueError
            Where a parameter or the data are not as they must be, or where `resume_from` is no checkpoint or that of
            another fit; what was fitted before stays as it was.
        KeyboardInterrupt
            On Ctrl-C where the fit is one of several, in a search, say; what was learnt is kept. A single fit keeps
            it, warns and returns.
        """
        self._fit(Call(X, y, sample_weight, X_val, y_val, sample_weight_val, groups, resume_from=resume_from))
        return self

    @available_if(is_stochastic)
    @with_callbacks
    def partial_fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        classes: Any = None,
        sample_weight: ArrayLike | None = None,
    ) -> DLClassifier:
        """Train one more epoch on these rows.

        A stream has no end: schedules that would fall towards one ("cosine", "one_cycle", "coslog", and all others that
        follow progress) are constant here. The first call fixes encoder, classes, precision and, by its number of rows,
        what "auto" stands for: with fewer than 100 that is a small network, so give `n_members` and
        `hidden_layer_sizes` where more is to come. Scales of columns are
        learnt from the first 64 rows, in however many calls.
        A column that was constant or missing so far comes alive in the first chunk in which it varies; levels of a
        category that the first call did not hold count as one. Folds are ignored, and early stopping with a warning;
        `history_` keeps the last 1000 calls.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n, n_features)
            The table; numbers may be missing, and a DataFrame may hold text and categories.
        y : array-like of shape (n,), (n, n_outputs) or (n, n_classes)
            Labels, or rows of probabilities, as in `fit`.
        classes : array-like of shape (n_classes,), set, list of array-like, or None, default=None
            All classes there will ever be, at the first call; without it those in y. A list for several targets; of
            rows of probabilities the classes of the columns.
        sample_weight : array-like of shape (n,) or None, default=None
            Weight of each row.

        Returns
        -------
        self : DLClassifier

        Raises
        ------
        AttributeError
            With ``solver="lbfgs"``.
        ValueError
            Where a parameter or the data are not as they must be; what was fitted before stays as it was.
        """
        with told("classes", classes):
            classes = sorted(classes) if isinstance(classes, Set) else classes
            if classes is not None and self.__sklearn_is_fitted__():
                self._classes.target.refuse_other(classes)
        self._fit(Call(X, y, sample_weight, classes=classes, partial=True))
        return self

    def _learn_head(self, y: np.ndarray, train: Table, plan: Plan, call: Call) -> Head:
        y, classes = ClassHead.check(y, plan.loss, None), call.classes
        if classes is None and are_probabilities(y) and hasattr(call.y, "columns"):
            classes = list(call.y.columns)
        head = ClassHead.learn(y, classes, plan.loss)
        self.classes_ = head.target.classes
        return head

    @property
    def _classes(self) -> ClassHead:
        head = self.fitted_.head
        assert isinstance(head, ClassHead)
        return head

    def _weigh(self, table: Table, head: Head) -> Table:
        if self.class_weight is None:
            return table
        assert isinstance(head, ClassHead)
        if are_probabilities(table.y):
            raise ValueError("class_weight needs labels, and y has rows of probabilities; pass sample_weight instead.")
        codes, levels = head.target.codes(table.y), head.target.levels
        weight = np.ones(len(codes)) if table.weight is None else table.weight
        if isinstance(self.class_weight, str):
            factors = [_balanced(c, weight) for c in codes.T]
        else:
            given = self.class_weight if isinstance(self.class_weight, list) else [self.class_weight]
            if len(given) != len(levels):
                raise ValueError(
                    f"class_weight must be 'balanced' or a list of {len(levels)} dicts, one for each column of y; "
                    f"got {self.class_weight!r}."
                )
            tells = not self._in_stream
            factors = [_looked_up(g, known.tolist(), tells) for g, known in zip(given, levels, strict=True)]
        with np.errstate(over="ignore"):
            for column, factor in zip(codes.T, factors, strict=True):
                weight = weight * factor[column]
            total = weight.sum()
        if total > MOST_WEIGHT:
            raise ValueError(
                f"class_weight times sample_weight must add up to at most {MOST_WEIGHT:g}; got {self.class_weight!r}."
            )
        if not weight.any():
            raise ValueError(f"class_weight must leave a row with a weight > 0; got {self.class_weight!r}.")
        return table._replace(weight=weight)

    def predict_proba(self, X: MatrixLike) -> np.ndarray | list[np.ndarray]:
        """Predict the probability of each class.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n, n_features)
            The table; numbers may be missing, and a DataFrame may hold text and categories.

        Returns
        -------
        ndarray of shape (n, n_classes), or list of ndarray
            In the order of `classes_`. For an indicator matrix the probability of each label, shape (n, n_labels);
            for several targets with classes of their own a list.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            Where X is not as at `fit`.
        """
        return self._read(X, lambda raw: self._classes.probabilities(raw))

    def predict_log_proba(self, X: MatrixLike) -> np.ndarray | list[np.ndarray]:
        """Logarithm of `predict_proba`.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n, n_features)
            The table; numbers may be missing, and a DataFrame may hold text and categories.

        Returns
        -------
        ndarray or list of ndarray
            As from `predict_proba`.
        """
        proba = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return [np.log(p, out=p) for p in proba] if isinstance(proba, list) else np.log(proba, out=proba)

    def decision_function(self, X: MatrixLike) -> np.ndarray | list[np.ndarray]:
        """Logits, the outputs before they become probabilities: larger where the class is more probable.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n, n_features)
            The table; numbers may be missing, and a DataFrame may hold text and categories.

        Returns
        -------
        ndarray of shape (n,), (n, n_classes) or (n, n_labels), or list of ndarray
            For two classes log(p / (1 - p)) of the second of `classes_`, positive where it is predicted. For more
            classes log p, one column each: the raw outputs, less what softmax ignores. For an indicator matrix
            log(p / (1 - p)) of each label; for several targets with classes of their own a list.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            Where X is not as at `fit`.
        """
        raw = self._raw(X)
        return self._classes.decisions(raw)

    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predict the most probable class, or for each label or target its most probable one.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n, n_features)
            The table; numbers may be missing, and a DataFrame may hold text and categories.

        Returns
        -------
        ndarray of shape (n,) or (n, n_targets)

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            Where X is not as at `fit`.
        """
        labels: np.ndarray = self._read(X, lambda raw: self._classes.predict(raw))
        return labels

    def score(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Share of the rows whose label, or whose labels all together, are predicted right.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n, n_features)
            The table; numbers may be missing, and a DataFrame may hold text and categories.
        y : array-like of shape (n,) or (n, n_targets)
            True labels.
        sample_weight : array-like of shape (n,) or None, default=None
            Weight of each row.

        Returns
        -------
        float
        """
        predicted = self.predict(X)
        weight = None if sample_weight is None else check_weight(sample_weight, predicted)
        with told("y", y):
            truth = check_truth(y)
            if are_probabilities(truth):
                raise ValueError("score needs labels; y has rows of probabilities.")
            truth = ClassHead.check(truth, self._classes.loss, self._classes)
            if self._classes.target.kind == "multioutput":
                if truth.shape != predicted.shape:
                    raise ValueError(f"y must have shape {predicted.shape}, as predicted; got {truth.shape}.")
                right = (predicted == truth).all(axis=1)
                return float(np.average(right, weights=weight))
            known = self._classes.target.levels[0]
            if truth.ndim == 1 and (truth.dtype.kind in TEXT) != (known.dtype.kind in TEXT):
                first = truth.tolist()[0]
                raise ValueError(f"y must hold labels of the type of the classes, {known[:5].tolist()}; got {first!r}.")
            return float(accuracy_score(truth, predicted, sample_weight=weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _balanced(codes: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The factor for each class that gives all classes present the same total weight."""
    totals = np.bincount(codes, weight)
    return totals.sum() / ((totals > 0).sum() * np.where(totals > 0, totals, np.inf))


def _looked_up(weights: dict[Any, float], levels: list[Any], tells: bool) -> np.ndarray:
    """The factor for each class from a dict; 1 for a class that it leaves out.

    Where each class has a weight, others are those that a fold lacks. Else they may be misspelt, of which a warning
    `tells`; and where none could be a class by its type, it is an error.
    """
    unknown, unnamed = [label for label in weights if label not in levels], [k for k in levels if k not in weights]
    if unknown and unnamed:
        message = f"class_weight names classes that are not among {levels}: {unknown}"
        if all(isinstance(label, str) != isinstance(levels[0], str) for label in unknown):
            raise ValueError(f"{message}.")
        if tells:
            warnings.warn(f"{message}; they have no effect.", stacklevel=2)
    return np.array([weights.get(label, 1.0) for label in levels], dtype=float)
