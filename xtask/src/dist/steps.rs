//! What an administrator does with the package, and what is to hold after each step: shell scripts that end at the first failure.
//! `not` is ours: a shell goes on after `! command` whatever comes of it.

/// What holds, and the script that shows it.
pub const STEPS: &[(&str, &str)] = &[
    ("installs", "dpkg --install /elixirscope.deb"),
    (
        "has its user and folders, and nothing that is enabled or runs",
        "test \"$(stat -c '%U:%G %a' /var/lib/elixirscope)\" = 'elixirscope:elixirscope 750'
         test \"$(stat -c '%U:%G %a' /etc/elixirscope/tls)\" = 'root:elixirscope 750'
         not systemctl is-enabled elixirscope
         not systemctl is-active elixirscope",
    ),
    (
        "runs `up` confined by its unit, with a socket for nodes, until it is stopped",
        "systemctl start elixirscope
         curl --silent --show-error --fail --retry 60 --retry-delay 1 --retry-all-errors http://127.0.0.1:7480/ready
         test -S /run/elixirscope/elixirscope-agent.sock
         grep -x 'CapBnd:\t0*' /proc/$(systemctl show --value -p MainPID elixirscope)/status
         grep -x 'NoNewPrivs:\t1' /proc/$(systemctl show --value -p MainPID elixirscope)/status
         test \"$(systemctl show --value -p LimitNOFILE elixirscope)\" = 65536
         not nsenter --mount --target $(systemctl show --value -p MainPID elixirscope) touch /etc/elixirscope/written
         systemctl reload elixirscope
         elixirscope doctor
         journalctl --unit elixirscope --output cat > /srv/log
         not grep -i 'permission denied\\|operation not permitted\\|read-only file' /srv/log
         test \"$(systemctl show --value -p NRestarts elixirscope)\" = 0
         systemctl stop elixirscope
         test \"$(systemctl show --value -p Result elixirscope)\" = success
         test \"$(systemctl show --value -p ExecMainStatus elixirscope)\" = 0",
    ),
    (
        "comes back after a crash with what it had",
        "systemctl start elixirscope
         kill -KILL $(systemctl show --value -p MainPID elixirscope)
         curl --silent --show-error --fail --retry 60 --retry-delay 1 --retry-all-errors http://127.0.0.1:7480/ready
         test \"$(systemctl show --value -p NRestarts elixirscope)\" = 1
         systemctl stop elixirscope",
    ),
    (
        "runs coordinator, collector and agent as units of their own, with certificates of one authority",
        "elixirscope cluster init --tls /srv/tls --members 127.0.0.1:7491
         cd /srv/tls
         install --owner=root --group=elixirscope --mode=0640 ca.pem member.* agent.* /etc/elixirscope/tls/
         cat >> /etc/elixirscope/coordinator.toml <<'END'
tls = \"/etc/elixirscope/tls\"
quic = \"127.0.0.1:7491\"
advertise = \"127.0.0.1:7491\"
http = \"127.0.0.1:7490\"
END
         cat >> /etc/elixirscope/collector.toml <<'END'
tls = \"/etc/elixirscope/tls\"
advertise = \"127.0.0.1:7481\"
join = [\"127.0.0.1:7491\"]
END
         systemctl start elixirscope-coordinator elixirscope-collector elixirscope-agent
         for port in 7490 7480 7482; do
           curl --silent --show-error --fail --retry 60 --retry-delay 1 --retry-all-errors http://127.0.0.1:$port/ready
         done
         test \"$(ps -o ni= -p $(systemctl show --value -p MainPID elixirscope-agent))\" -eq 10
         journalctl --unit 'elixirscope-*' --output cat > /srv/log
         not grep -i 'permission denied\\|operation not permitted\\|read-only file' /srv/log
         elixirscope cluster status
         systemctl stop elixirscope-agent elixirscope-collector elixirscope-coordinator
         for unit in agent collector coordinator; do
           test \"$(systemctl show --value -p Result elixirscope-$unit)\" = success
           test \"$(systemctl show --value -p NRestarts elixirscope-$unit)\" = 0
         done",
    ),
    (
        "keeps changed settings, data and what runs when it is installed again",
        "echo 'memory-mib = 300' >> /etc/elixirscope/up.toml
         systemctl start elixirscope
         dpkg --install /elixirscope.deb
         systemctl is-active elixirscope
         grep 'memory-mib = 300' /etc/elixirscope/up.toml",
    ),
    (
        "stops what runs and keeps settings when it is removed",
        "dpkg --remove elixirscope
         not systemctl is-active elixirscope
         not test -e /usr/bin/elixirscope
         test -f /etc/elixirscope/up.toml",
    ),
    (
        "leaves data and keys even when it is purged",
        "dpkg --purge elixirscope
         not test -e /etc/elixirscope/up.toml
         test -f /etc/elixirscope/tls/member.key
         test -d /var/lib/elixirscope/up/collector",
    ),
];
