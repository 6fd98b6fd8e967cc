//! Settings from all their sources, and what is said of those that are wrong.

use super::settings::origin;
use super::*;

#[test]
fn the_command_line_wins_over_variables_and_these_over_the_file() {
    let file = file_with("listen = \"127.0.0.1:1\"\nsign_up = false\ndata = \"/srv/a\"\n");
    let variables = variables(&[("FIRESIDE_LISTEN", "127.0.0.1:2"), ("FIRESIDE_DATA", "/srv/b"), ("HOME", "/root")]);
    let config = Config::load(Some(file.path()), variables, [("data", "/srv/c".to_owned())]).expect("settings");
    assert_eq!(config.listen.port(), 2);
    assert_eq!(config.data, Path::new("/srv/c"));
    assert!(!config.sign_up);
}

#[test]
fn a_variable_may_name_the_file() {
    let file = file_with("sign_up = false\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]");
    let config = Config::load(None, variables(&[("FIRESIDE_CONFIG", &file.path().display().to_string())]), []).expect("settings");
    assert!(!config.sign_up);
    assert_eq!(config.trusted_proxies.len(), 2);
}

#[test]
fn an_unknown_setting_is_named_with_those_there_are() {
    let error = Config::load(None, variables(&[("FIRESIDE_PUBLC_URL", "x")]), []).expect_err("it is misspelt").to_string();
    assert!(error.starts_with("the environment has the unknown setting `FIRESIDE_PUBLC_URL`; the settings are FIRESIDE_LISTEN, "), "{error}");
    assert!(error.contains("FIRESIDE_PUBLIC_URL"), "{error}");
}

#[test]
fn a_wrong_value_is_named_with_what_is_right() {
    for (name, value) in [
        ("listen", "8000"),
        ("public_url", "meet.example.org"),
        ("public_url", "https://example.org/fireside"),
        ("public_url", "https://a@example.org"),
        ("public_url", "ftp://example.org"),
        ("trusted_proxies", "10.0.0.0/99"),
        ("sign_up", "yes"),
        ("people", "1"),
        ("people", "501"),
        ("mesh_people", "1"),
        ("mesh_people", "17"),
        ("route", "sfu"),
        ("media_threads", "0"),
        ("media_threads", "65"),
        ("log_format", "xml"),
        ("log", "fireside=loud"),
        ("database", "mysql://x"),
        ("data", ""),
        ("domain", "meet"),
        ("domain", "https://meet.example.org"),
        ("domain", "192.0.2.1"),
        ("tls", "on"),
        ("acme_directory", "http://acme.example.org"),
        ("http_listen", "80"),
        ("public_ip", "192.0.2.1, 192.0.2.2"),
        ("public_ip", "meet.example.org"),
        ("public_ip", "0.0.0.0"),
        ("public_ip", "::"),
        ("public_ip", "192.0.2.1, ::ffff:192.0.2.2"),
        ("stun_server", "stun.example.org"),
        ("relay", "true"),
        ("relay_ports", "80-90"),
        ("relay_ports", "60000-60001"),
        ("relay_allow", "10.0.0.0/99"),
    ] {
        let error = Config::load(None, [], [(name, value.to_owned())]).expect_err(value).to_string();
        assert!(error.starts_with(&format!("the command line: `{name}` cannot be `{value}`; it is ")), "{error}");
    }
}

#[test]
fn a_domain_brings_https_for_everything() {
    let config = Config::load(None, [], [("domain", "Meet.Example.org".to_owned())]).expect("settings");
    assert_eq!((config.tls.clone(), config.public_url.as_deref()), (Tls::Acme, Some("https://meet.example.org")));
    assert_eq!((config.listen.port(), config.http_listen.map(|listen| listen.port())), (443, Some(80)));
    assert!(config.https());
    let off = [("domain", "meet.example.org".to_owned()), ("http_listen", "off".to_owned()), ("listen", "[::]:8443".to_owned())];
    let config = Config::load(None, [], off).expect("settings");
    assert_eq!((config.listen.port(), config.http_listen), (8443, None));
}

#[test]
fn a_certificate_needs_its_key_and_no_other_certificate() {
    let (cert, key) = (("tls_cert", "/c.pem".to_owned()), ("tls_key", "/k.pem".to_owned()));
    let config = Config::load(None, [], [cert.clone(), key.clone(), ("domain", "meet.example.org".to_owned())]).expect("settings");
    assert!(matches!(config.tls, Tls::Files { .. }), "the operator's certificate is taken rather than one by ACME");
    assert!(Config::load(None, [], [cert.clone()]).is_err());
    assert!(Config::load(None, [], [cert, key, ("tls", "self-signed".to_owned())]).is_err());
    let config = Config::load(None, [], [("tls", "self-signed".to_owned())]).expect("settings");
    assert_eq!((config.tls, config.listen.port(), config.http_listen), (Tls::SelfSigned, 8443, None));
}

#[test]
fn what_would_silently_not_hold_is_refused() {
    let refused = |options: &[(&'static str, &str)]| {
        let options = options.iter().map(|(name, value)| (*name, (*value).to_owned()));
        Config::load(None, [], options).err().map(|error| error.to_string())
    };
    let plain = refused(&[("domain", "meet.example.org"), ("public_url", "http://meet.example.org")]).expect("not by HTTP");
    assert!(plain.contains("`public_url` says http://"), "{plain}");
    let way = refused(&[("http_listen", "[::]:80")]).expect("a way to nowhere");
    assert!(way.contains("`http_listen` is for showing the way"), "{way}");
    let proxied = [("domain", "meet.example.org"), ("tls", "off"), ("public_url", "http://meet.example.org"), ("http_listen", "off")];
    assert_eq!(refused(&proxied), None);
}

#[test]
fn a_file_that_is_not_toml_or_not_there_is_named() {
    let file = file_with("listen = ");
    let error = Config::load(Some(file.path()), [], []).expect_err("not TOML").to_string();
    assert!(error.contains(&file.path().display().to_string()), "{error}");
    let error = Config::load(Some(Path::new("/nowhere/fireside.toml")), [], []).expect_err("not there").to_string();
    assert!(error.starts_with("the configuration file /nowhere/fireside.toml cannot be read: "), "{error}");
}

#[test]
fn the_public_address_has_one_written_form() {
    assert_eq!(origin("HTTPS://Meet.Example.org:443/").as_deref(), Some("https://meet.example.org"));
    assert_eq!(origin("http://[::1]:8000").as_deref(), Some("http://[::1]:8000"));
}

fn file_with(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("written");
    file
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
