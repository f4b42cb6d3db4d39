"""DLRegressor.

Knows what numbers as targets need; everything else is in the base.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from os import PathLike
from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from .._data import Table, check_truth, check_weight, told
from .._numerics import MatrixLike
from .._training import Plan
from ..encoding import TableEncoder
from ..heads import Head, NumberHead
from ..layers import Activation, Layer
from ..losses import Link, Loss
from ..losses.links import Identity
from ..numeric_embeddings import NumericEmbedding
from ..schedules import Schedule
from ..solvers import LBFGS, Solver
from .available import available_if
from .base import BaseDL, Call
from .callbacks import with_callbacks
from .registry import is_stochastic, resolve_loss

__all__ = ["DLRegressor"]


@final
class DLRegressor(RegressorMixin, BaseDL):
    """Neural network for regression: a multilayer network in NumPy, trained by gradient descent.

    Parameters
    ----------
    hidden_layer_sizes : int, sequence of int or "auto", default="auto"
        Units of each hidden layer; ``()`` is the linear model; "auto" is ``(128, 128)`` with several members,
        ``(100,)`` with one.
    activation : str, Activation or sequence of such, default="relu"
        Activation of the hidden layers, or one for each: "identity", "logistic", "tanh", "relu", "leaky_relu", "elu",
        "selu", "gelu", "silu", "mish", "softplus", or an object of `sklearn_dl.layers`, also of a class of your own
        that inherits `Activation` and sets `gain`, for the initial weights after it.
    loss : str or Loss, default="squared_error"
        What is minimised: "squared_error" (half of it), "absolute_error", "huber", "quantile", "poisson", "gamma",
        "tweedie", or an object of `sklearn_dl.losses`
        with settings.
    solver : str, Solver or LBFGS, default="auto"
        How: "sgd", "rmsprop", "adam", "adamw", "lbfgs", or an object of `sklearn_dl.solvers` with settings, which a
        grid reaches as ``solver__...``; "auto" is ``AdamW()``, which is
        ``AdamW(beta_2=0.95, weight_decay=0.5)`` with several members and ``AdamW(beta_2=0.999, weight_decay=0.5)`` with
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
        rows of one fold and so judges them honestly, which chooses the epoch and gives `noise_`.
        A splitter of scikit-learn, such as ``GroupKFold(4)`` or ``TimeSeriesSplit(4)``, says which rows they are;
        see docs/folds.md. 1 is none, and one group. "auto" is 4 with several members from 100 rows on.
    numeric_embedding : {"periodic", "piecewise_linear", "mixed"}, NumericEmbedding, "auto" or None, default="auto"
        What each number becomes before the network: learnt sums of waves, of pieces between quantiles, or both, beside
        the number; an object of `sklearn_dl.numeric_embeddings` has settings, which a grid reaches as
        ``numeric_embedding__...``; None leaves it as it is; "auto" is "mixed" with several members, else None.
        Sparse tables are left as they are.
    encoder : "auto", TableEncoder or None, default="auto"
        What happens to X before the network: "auto" is ``TableEncoder()``, which takes raw tables with missing values,
        text and categories; a `TableEncoder` has settings, which a grid reaches as ``encoder__...``; None takes finite
        numbers as they are.
    scale_target : bool, default=True
        Whether to train on the standardised target, each output with its own mean and deviation; with a log link
        (poisson, gamma, tweedie) on the target divided by its mean.
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
        some 32 of them, the first eight included. Their numbers are in `history_`, whose other records lack the two.
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
        Inverse link: "identity" or "exp".
    noise_ : ndarray of shape (n_outputs,)
        With several members, or rows held out: mean squared residual of each output, on rows that are left out or held
        out where there are any. A square, it is infinite or 0 for targets beyond 1e154 or 1e-162, of which
        ``predict(X, return_std=True)`` still tells the spread.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of str
        Names of the columns of X, where it has names.

    See Also
    --------
    DLClassifier : The same for classes.
    sklearn.neural_network.MLPRegressor : scikit-learn's own.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn_dl import DLRegressor
    >>> X_train, X_test, y_train, y_test = train_test_split(*load_diabetes(return_X_y=True), random_state=0)
    >>> model = DLRegressor(random_state=0).fit(X_train, y_train)
    >>> bool(model.score(X_test, y_test) > 0.3)
    True
    """

    _head: ClassVar[type[Head]] = NumberHead
    scale_target: bool

    def __init__(
        self,
        *,
        hidden_layer_sizes: int | Sequence[int] | Literal["auto"] = "auto",
        activation: str | Activation | Sequence[str | Activation] = "relu",
        loss: str | Loss = "squared_error",
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
        scale_target: bool = True,
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
        self.scale_target = scale_target
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
    ) -> DLRegressor:
        """Fit the network.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n, n_features)
            The table; numbers may be missing, and a DataFrame may hold text and categories.
        y : array-like of shape (n,) or (n, n_outputs)
            Finite numbers of any scale.
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
        self : DLRegressor

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
    def partial_fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> DLRegressor:
        """Train one more epoch on these rows.

        A stream has no end: schedules that would fall towards one ("cosine", "one_cycle", "coslog", and all others that
        follow progress) are constant here. The first call fixes encoder, precision and, by the number of its rows,
        what "auto" stands for: with fewer than 100 that is a small network, so give `n_members` and
        `hidden_layer_sizes` where more is to come. Scales of columns and
        target are learnt from the first 64 rows, in however many calls; that of a constant target when it varies.
        A column that was constant or missing so far comes alive in the first chunk in which it varies; levels of a
        category that the first call did not hold count as one. Folds are ignored, and early stopping with a warning;
        `history_` keeps the last 1000 calls.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n, n_features)
            The table; numbers may be missing, and a DataFrame may hold text and categories.
        y : array-like of shape (n,) or (n, n_outputs)
            Finite numbers.
        sample_weight : array-like of shape (n,) or None, default=None
            Weight of each row.

        Returns
        -------
        self : DLRegressor

        Raises
        ------
        AttributeError
            With ``solver="lbfgs"``.
        ValueError
            Where a parameter or the data are not as they must be; what was fitted before stays as it was.
        """
        self._fit(Call(X, y, sample_weight, partial=True))
        return self

    def _learn_head(self, y: np.ndarray, train: Table, plan: Plan, call: Call) -> Head:
        if not call.partial:
            with told("y", call.y):
                plan.loss.check_all_targets(train.y)
        final = not (call.partial or self.warm_start)
        return NumberHead.learn(train.y, train.weight, plan.loss, scaled=bool(self.scale_target), final=final)

    def _fixed(self) -> dict[str, tuple[Any, Any]]:
        return super()._fixed() | {"scale_target": (bool(self.scale_target), self._numbers.scaled)}

    @property
    def noise_(self) -> np.ndarray:
        """Mean squared residual of each output, of an ensemble, or on rows that were held out."""
        noise = self._numbers.noise
        if noise is None:
            raise AttributeError(
                "noise_ needs an ensemble, fitted with n_members > 1, or rows that are held out, and a fit that was "
                "not interrupted at its end."
            )
        return noise

    @property
    def _numbers(self) -> NumberHead:
        head = self.fitted_.head
        assert isinstance(head, NumberHead)
        return head

    def predict(self, X: MatrixLike, return_std: bool = False) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Predict the target; the middle level where the loss has several quantiles.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n, n_features)
            The table; numbers may be missing, and a DataFrame may hold text and categories.
        return_std : bool, default=False
            Whether to give the spread too, for which the network must have members, or have had rows held out.

        Returns
        -------
        y : ndarray of shape (n,) or (n, n_outputs)
            float64, in the units of y.
        std : ndarray of the shape of `y`
            Only with ``return_std=True``: the standard deviation of the target around y, in the units of y. It grows
            with the variance between the members, and with y for "poisson", "gamma" and "tweedie", as far as that
            makes intervals narrower, and has the size for which y ± 1.645 std holds 90 % of the rows that the network
            had not learnt (left out by folds, or held out), be their distribution normal or not: the same as
            `predict_interval`. Where there were no such rows it is √(variance of the members' predictions +
            `noise_`), with the noise of the training rows, which is too small.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            Where X is not as at `fit`, or with ``return_std=True`` and a single member without rows held out.
        """

        def with_spread(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            if raw.ndim == 2 and self._numbers.margins is None:
                raise ValueError(
                    "return_std=True needs an ensemble, fitted with n_members > 1, or rows that were held out by "
                    "early_stopping=True or X_val; this one has 1 member, and there were none."
                )
            y = self._numbers.predict(raw)
            return y, self._numbers.spread(raw).reshape(y.shape)

        return self._read(X, with_spread if return_std else lambda raw: self._numbers.predict(raw))

    @available_if(lambda self: self._has_quantiles())
    def predict_quantiles(self, X: MatrixLike) -> np.ndarray:
        """Predict all levels of ``loss=Quantile(levels=...)``, in increasing order.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n, n_features)
            The table; numbers may be missing, and a DataFrame may hold text and categories.

        Returns
        -------
        ndarray of shape (n, n_levels) or (n, n_outputs, n_levels)
            float64, in the units of y.

        Raises
        ------
        AttributeError
            Where the loss is another one.
        """
        levels: np.ndarray = self._read(X, lambda raw: self._numbers.predict_levels(raw))
        return levels

    def predict_interval(self, X: MatrixLike, coverage: float = 0.9) -> np.ndarray:
        """Predict an interval that holds the target with a given probability.

        Its width is what held as large a share of rows that the network had not learnt: those that folds leave out, or
        that were held out. That is a step of conformal prediction, and new rows of the same kind are covered as often,
        on the average over all of them. Around a mean the interval is symmetric (but not below 0 for "poisson", "gamma"
        and "tweedie") and in proportion to the spread; with ``loss=Quantile(levels=...)`` its ends are two levels, both
        moved by the same margin (Romano, Patterson & Candès 2019, https://arxiv.org/abs/1905.03222).

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n, n_features)
            The table; numbers may be missing, and a DataFrame may hold text and categories.
        coverage : float in (0, 1), default=0.9
            Probability that the target lies inside. Of several levels, the pair is taken that is nearest to it.

        Returns
        -------
        ndarray of shape (n, 2) or (n, n_outputs, 2)
            Lower and upper end, float64, in the units of y; the lower one is never above the upper.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            Where the fit had no rows but those that were learnt: below 100 rows set ``n_members=8, n_folds=4``. There,
            a network of quantiles still gives two levels that it has learnt as they are, covered or not.
        """
        check_is_fitted(self)
        ends: np.ndarray = self._read(X, lambda raw: self._numbers.interval(raw, coverage))
        return ends

    def score(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """R², the share of the variance of y that the predictions explain; the mean over several outputs.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n, n_features)
            The table; numbers may be missing, and a DataFrame may hold text and categories.
        y : array-like of shape (n,) or (n, n_outputs)
            True targets.
        sample_weight : array-like of shape (n,) or None, default=None
            Weight of each row.

        Returns
        -------
        float
        """
        predicted = np.asarray(self.predict(X))
        weight = None if sample_weight is None else check_weight(sample_weight, predicted)
        with told("y", y):
            truth = check_array(check_truth(y), ensure_2d=False, dtype=np.float64, input_name="y")
            exponent = np.frexp(abs(truth).max(axis=0))[1]  # powers of two first: exact, and no square leaves the range
            scaled = np.ldexp(truth, -exponent), np.ldexp(predicted, -exponent)
            return float(r2_score(*scaled, sample_weight=weight))

    def _has_quantiles(self) -> None:
        link = self._numbers.link if self.__sklearn_is_fitted__() else self._named_link()
        if not link.levels:
            raise AttributeError(f"predict_quantiles needs loss=Quantile(levels=...); got loss={self.loss!r}.")

    def _named_link(self) -> Link:
        """The link of the parameter `loss`; the identity where that is no loss, which `fit` tells."""
        with suppress(ValueError):
            return resolve_loss(self.loss, self._head.task).link
        return Identity()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self._named_link().is_positive
        return tags
