"""What a parameter that there is not may have meant: what other packages call things, and names that are nearly right.

Knows names only: those of scikit-learn's networks, gradient boosting, skorch and Keras, and which are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from .registry import SETTINGS, class_with, listed

__all__ = ["advice", "settings_of"]

# ours, and what others call it; settings of objects as a grid reaches them
WORDS = {
    "hidden_layer_sizes": (
        "hidden_units hidden_layers hidden_layer_size hidden_sizes hidden_size hidden_dims hidden_dim layers "
        "layer_sizes units n_units num_units n_hidden n_hidden_units num_layers n_layers"
    ),
    "activation": "activations activation_function act nonlinearity",
    "loss": "criterion objective loss_function loss_fn",
    "solver": "optimizer optim",
    "alpha": "l2 l2_regularization l2_reg l2_leaf_reg lambda_l2 reg_lambda kernel_regularizer",
    "learning_rate": "scheduler lr_scheduler lr_sched lr_schedule schedule",
    "learning_rate_init": "lr eta eta0 step_size initial_learning_rate max_lr",
    "batch_size": "batch batchsize minibatch_size",
    "max_iter": (
        "epochs max_epochs n_epochs num_epochs nb_epoch nb_epochs n_iter n_estimators iterations num_iterations "
        "num_boost_round n_rounds num_round max_epoch"
    ),
    "clip_norm": "clipnorm global_clipnorm max_grad_norm gradient_clip_val gradient_clipping grad_clip clip_grad_norm",
    "dropout": "dropout_rate drop_rate dropouts p_dropout p_drop hidden_dropout",
    "normalization": "batch_norm batchnorm use_bn layer_norm norm",
    "architecture": "module model build_fn network net",
    "n_members": "n_ensemble ensemble_size n_models n_ens k",
    "n_folds": "folds n_splits cv n_cv nfold n_fold fold num_folds kfold k_folds splitter fold_strategy num_bag_folds",
    "numeric_embedding": "num_emb_type num_embeddings numerical_embedding",
    "class_weight": "class_weights scale_pos_weight is_unbalance auto_class_weights",
    "validation_fraction": "validation_split validation_size val_size val_fraction train_split eval_fraction test_size",
    "n_iter_no_change": "patience early_stopping_rounds early_stopping_round od_wait",
    "tol": "min_delta",
    "scoring": "metric metrics eval_metric score_metric val_metric_name",
    "max_time": "time_limit timeout time_to_fit_in_seconds max_seconds",
    "dtype": "precision",
    "random_state": "seed random_seed",
    "verbose": "verbosity verbose_eval",
    "n_jobs": "nthread n_threads num_threads thread_count workers",
    "solver__nesterov": "nesterovs_momentum",
    "solver__beta_1": "beta1",
    "solver__beta_2": "beta2",
    "solver__epsilon": "eps",
    "solver__max_fun": "max_eval",
    "solver__history": "history_size",
    "learning_rate__warmup": "warmup_steps warmup_ratio warmup_epochs",
    "loss__levels": "quantile quantiles quantile_alpha",
    "loss__delta": "huber_delta",
    "loss__power": "tweedie_variance_power variance_power",
    "encoder__categorical_features": "cat_features categorical_feature cat_col_names enable_categorical",
    "encoder__embedding_size": "embedding_dim embed_dim emb_dim",
}
CALLED = {other: ours for ours, others in WORDS.items() for other in others.split()}

# what there is not, or not as a parameter, and what there is in its place
INSTEAD = {
    "an argument of fit: pass X_val and y_val there": "X_val y_val validation_data eval_set",
    "an argument of fit: rows of a value are left out together": (
        "groups group group_id group_ids group_column group_col fold_groups eval_group"
    ),
    "an argument of fit and partial_fit": "sample_weight",
    "an argument of partial_fit": "classes",
    "not a parameter: use the method set_callbacks": "callbacks callback",
    "not a parameter: early stopping returns to the best weights": "restore_best_weights load_best use_best_model",
    "not a parameter: the initial weights follow from the activation": "weight_init kernel_initializer init",
    "not a parameter: the output's activation follows from the loss": "out_activation output_activation",
    "not there: it runs on the CPU, with n_jobs threads": "device gpu gpus use_gpu cuda task_type",
    "not there: alpha is an L2 penalty, and there is no L1": "l1 l1_ratio lambda_l1 reg_alpha l1_regularization",
    "a parameter of trees, which a network has not": (
        "max_depth depth max_leaf_nodes num_leaves min_samples_leaf min_samples_split min_child_weight "
        "min_child_samples max_bins max_features subsample colsample_bytree monotonic_cst monotone_constraints "
        "interaction_cst booster"
    ),
}
NOT_HERE = {name: sentence for sentence, names in INSTEAD.items() for name in names.split()}


def advice(key: str, values: Mapping[str, Any], task: str) -> str:
    """What to do in place of setting a parameter that there is not.

    Parameters
    ----------
    key : str
        The name, with double underscores where it is nested.
    values : mapping
        The estimator's parameters.
    task : {"regression", "classification"}
        Which of the two estimators it is.

    Returns
    -------
    str
        The end of a sentence.
    """
    name, _, setting = key.partition("__")
    if name in NOT_HERE or setting in NOT_HERE:
        return f"it is {NOT_HERE.get(setting) or NOT_HERE[name]}."
    meant, words = _meant(name, setting, values, task), "it is called {} here."
    if meant is None:
        meant, words = _near(name, setting, values, task), "did you mean {}?"
    if meant is None:
        return _listing(name, values, task)
    parameter, nested, setting = meant.partition("__")
    holder = class_with(parameter, values[parameter], setting, task) if nested else None
    if holder is None or setting in settings_of(values[parameter]):
        return words.format(meant)
    return (
        f"it is a setting of {holder.__name__}: pass {parameter}={holder.__name__}({setting}=...), or "
        f"{parameter}={holder.__name__}() and search {meant}."
    )


def settings_of(value: Any) -> list[str]:
    """Names of the settings of an object; none of a class, or of what has no settings."""
    return sorted(value.get_params(deep=False)) if hasattr(value, "get_params") and not isinstance(value, type) else []


def _meant(name: str, setting: str, values: Mapping[str, Any], task: str) -> str | None:
    """Our name for what is called `name` or ``name__setting`` elsewhere, None where nobody calls anything so."""
    last = setting or name
    if last in CALLED and (CALLED[last] in values or _has(CALLED[last], task)):
        return CALLED[last]
    if setting and setting in values:  # module__dropout, model__batch_size
        return setting
    own = CALLED.get(name, name)
    for parameter in [own] if own in SETTINGS else SETTINGS:
        if last in _settings(parameter, task):
            return f"{parameter}__{last}"
    return None


def _near(name: str, setting: str, values: Mapping[str, Any], task: str) -> str | None:
    """Our name that is spelt nearly so."""
    known = {} if setting else {parameter: parameter for parameter in values}
    for parameter in [name] if setting else SETTINGS:
        if parameter in SETTINGS:
            known |= {s: f"{parameter}__{s}" for s in _settings(parameter, task) if s not in known}
    near = get_close_matches(setting or name, known, n=1, cutoff=0.75)
    return known[near[0]] if near else None


def _listing(name: str, values: Mapping[str, Any], task: str) -> str:
    """All names that there are."""
    if name not in SETTINGS:
        return f"the parameters are {listed(sorted(values), 'and')}."
    value = values[name]
    if isinstance(value, type):
        return f"{name}={value.__name__} is a class; pass {name}={value.__name__}()."
    names = settings_of(value) if hasattr(value, "get_params") else _settings(name, task)
    return f"the settings of {name} are {listed(names, 'and')}." if names else f"{name}={value!r} has no settings."


def _has(nested: str, task: str) -> bool:
    """Whether objects for this task have the setting."""
    parameter, _, setting = nested.partition("__")
    return parameter in SETTINGS and setting in _settings(parameter, task)


def _settings(parameter: str, task: str) -> list[str]:
    """Names of all settings of all objects that a parameter may be."""
    classes = {cls for cls in SETTINGS[parameter].values() if getattr(cls, "task", task) == task}
    return sorted({name for cls in classes for name in cls._get_param_names()})
