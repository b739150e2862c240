"""vael's configs are composed beside those of a program around it, and in several threads."""

from concurrent.futures import ThreadPoolExecutor

from hydra import compose, initialize_config_dir

from vael.config.compose import compose_config, suggest_setting


def test_the_configs_of_a_program_around_us_stay_open(tmp_path):
    (tmp_path / "mine.yaml").write_text("answer: 42")
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        assert compose_config(["seed=3"]).seed == 3
        assert "objective.beta" in suggest_setting("beta")
        assert compose("mine").answer == 42


def test_threads_compose_at_the_same_time():
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda seed: compose_config([f"seed={seed}"]).seed, range(12))
        assert list(found) == list(range(12))
