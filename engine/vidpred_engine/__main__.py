"""`python -m vidpred_engine` is `vidpred-engine`."""

from vidpred_engine.cli import main

if __name__ == "__main__":
    main()
