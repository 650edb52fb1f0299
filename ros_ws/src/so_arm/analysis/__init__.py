"""Understanding what happened: reports, plots and videos of episodes."""
