"""Starting and stopping the processes that train runs."""
