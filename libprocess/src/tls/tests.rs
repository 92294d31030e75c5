//! Authorities, and who gets through a handshake.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{KeyPair, PKCS_ED25519};
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConnection, ServerConnection};

use super::authority::Validity;
use super::*;

/// Shakes hands in memory, and tells what each side learned of the other.
#[track_caller]
fn handshake(
    client: (&Identity, &[Trust]),
    server: (&Identity, &[Trust]),
) -> Result<(PeerIdentity, PeerIdentity), rustls::Error> {
    let accepting = configure(server.0, server.1).unwrap();
    let opening = configure(client.0, client.1).unwrap();
    shake(opening.client, accepting.server)
}

fn shake(
    client: ClientConfig,
    server: ServerConfig,
) -> Result<(PeerIdentity, PeerIdentity), rustls::Error> {
    let name = ServerName::try_from("node").unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server.process_new_packets()?;
        bytes.clear();
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    let of = |chain: Option<&[rustls::pki_types::CertificateDer<'static>]>| {
        PeerIdentity::of_certificate(&chain.unwrap()[0]).unwrap()
    };
    Ok((
        of(client.peer_certificates()),
        of(server.peer_certificates()),
    ))
}

#[test]
fn each_side_learns_the_other_sides_role_and_name() {
    let authority = Authority::generate("test");
    let (agent, master) = (
        authority.issue("agent", "a 1"),
        authority.issue("master", "m"),
    );
    let (server, client) =
        handshake((&agent, &[agent.trust()]), (&master, &[master.trust()])).unwrap();
    assert_eq!(server, PeerIdentity::new("master", "m"));
    assert_eq!(client, PeerIdentity::new("agent", "a 1"));
}

#[test]
fn a_foreign_authority_is_refused_by_either_side() {
    let (ours, theirs) = (Authority::generate("test"), Authority::generate("test"));
    let (known, stranger) = (ours.issue("agent", "a"), theirs.issue("agent", "a"));
    let both = [ours.trust(), theirs.trust()];
    let only_ours = [ours.trust()];
    handshake((&known, &both), (&stranger, &only_ours)).unwrap();

    handshake((&stranger, &both), (&known, &only_ours)).unwrap_err();
    handshake((&known, &only_ours), (&stranger, &only_ours)).unwrap_err();
}

#[test]
fn an_authority_is_believed_only_in_the_roles_it_may_speak_for() {
    let (cluster, agents_own) = (Authority::generate("cluster"), Authority::generate("agent"));
    let agent = cluster.issue("agent", "a");
    let trusts = [cluster.trust(), agents_own.trust().only(["executor"])];

    let executor = agents_own.issue("executor", "e");
    handshake((&executor, &[cluster.trust()]), (&agent, &trusts)).unwrap();

    let impostor = agents_own.issue("master", "m");
    let refused = handshake((&impostor, &[cluster.trust()]), (&agent, &trusts)).unwrap_err();
    let no_role = CertificateError::ApplicationVerificationFailure;
    assert_eq!(refused, rustls::Error::InvalidCertificate(no_role));
    // And when it is the one that is called.
    handshake((&agent, &trusts), (&impostor, &[cluster.trust()])).unwrap_err();
}

#[test]
fn an_expired_certificate_is_refused() {
    let authority = Authority::generate("test");
    let now = SystemTime::now();
    let validity = Validity {
        from: now - Duration::from_secs(7200),
        until: now - Duration::from_secs(3600),
    };
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let expired = authority.sign(&PeerIdentity::new("agent", "a"), &key, &validity);
    let master = authority.issue("master", "m");
    let trusts = [authority.trust()];

    let refused = handshake((&expired, &trusts), (&master, &trusts)).unwrap_err();
    assert!(refused.to_string().contains("expired"), "{refused}");
    handshake((&master, &trusts), (&expired, &trusts)).unwrap_err();
}

#[test]
fn a_client_without_a_certificate_is_refused() {
    let authority = Authority::generate("test");
    let master = authority.issue("master", "m");
    let Configuration { server, client, .. } = configure(&master, &[authority.trust()]).unwrap();
    let mut anonymous = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(PeerVerifier::new(
            &[authority.trust()],
            provider(),
        )))
        .with_no_client_auth();
    anonymous.alpn_protocols = client.alpn_protocols;
    let refused = shake(anonymous, server).unwrap_err();
    assert_eq!(refused, rustls::Error::NoCertificatesPresented);
}

#[test]
fn an_authority_itself_is_no_node() {
    let authority = Authority::generate("test");
    let posing = Identity::from_pem(&authority.to_pem()).unwrap();
    let master = authority.issue("master", "m");
    let trusts = [authority.trust()];
    handshake((&posing, &trusts), (&master, &trusts)).unwrap_err();
}

#[test]
fn an_identity_survives_its_text_and_file_forms() {
    let authority = Authority::generate("test");
    let identity = authority.issue("agent", "a");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.pem");
    identity.write(&path).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );

    let read = Identity::read(&path).unwrap();
    assert_eq!(read.peer(), identity.peer());
    handshake((&read, &[read.trust()]), (&identity, &[identity.trust()])).unwrap();

    for broken in [
        "",
        "nonsense",
        authority.certificate_pem(),
        &identity.to_pem()[..200],
    ] {
        Identity::from_pem(broken).unwrap_err();
    }
}

#[test]
fn the_authority_of_a_folder_is_made_once_even_by_many_at_once() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("tls");
    let certificates: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| Authority::load_or_create(&folder).unwrap()))
            .collect();
        let authorities = threads.into_iter().map(|thread| thread.join().unwrap());
        authorities
            .map(|a| a.certificate_pem().to_owned())
            .collect()
    });
    assert!(certificates.iter().all(|one| *one == certificates[0]));
    assert_eq!(
        fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let files: Vec<_> = fs::read_dir(&folder).unwrap().collect();
    assert_eq!(files.len(), 1, "no temporary files remain");

    let (one, other) = (
        Authority::load_or_create(&folder)
            .unwrap()
            .issue("agent", "a"),
        Authority::load_or_create(&folder)
            .unwrap()
            .issue("master", "m"),
    );
    handshake((&one, &[one.trust()]), (&other, &[other.trust()])).unwrap();
}

#[test]
fn an_authority_that_others_can_read_or_that_is_broken_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    Authority::load_or_create(folder.path()).unwrap();
    let file = folder.path().join("authority.pem");

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let error = Authority::load_or_create(folder.path()).err().unwrap();
    assert!(error.to_string().contains("chmod 600"), "{error}");

    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "nonsense").unwrap();
    let error = Authority::load_or_create(folder.path()).err().unwrap();
    assert!(matches!(error, AuthorityError::Malformed { .. }), "{error}");
}

/// One handshake of a client that may remember an earlier one; and how it went.
fn meet(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
) -> (rustls::HandshakeKind, Vec<PeerIdentity>) {
    let name = ServerName::try_from(session_name("10.0.0.1:5050".parse().unwrap())).unwrap();
    let mut client = ClientConnection::new(client.clone(), name).unwrap();
    let mut server = ServerConnection::new(server.clone()).unwrap();
    assert!(
        client.early_data().is_none(),
        "nothing is sent before the handshake"
    );
    // Once more than needed: then the ticket for the next time has arrived, too.
    for _ in 0..4 {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server.process_new_packets().unwrap();
        bytes.clear();
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client.process_new_packets().unwrap();
    }
    let of = |chain: Option<&[rustls::pki_types::CertificateDer<'static>]>| {
        PeerIdentity::of_certificate(&chain.unwrap()[0]).unwrap()
    };
    let kinds = (
        client.handshake_kind().unwrap(),
        server.handshake_kind().unwrap(),
    );
    assert_eq!(kinds.0, kinds.1);
    (
        kinds.0,
        vec![
            of(client.peer_certificates()),
            of(server.peer_certificates()),
        ],
    )
}

#[test]
fn nodes_that_met_before_resume_their_session_and_know_each_other() {
    use rustls::HandshakeKind::{Full, Resumed};
    let authority = Authority::generate("test");
    let trusts = [authority.trust()];
    let configured = |role| configure(&authority.issue(role, "x"), &trusts).unwrap();
    let (agent, master) = (configured("agent"), configured("master"));
    let known = vec![
        PeerIdentity::new("master", "x"),
        PeerIdentity::new("agent", "x"),
    ];

    let (client, server) = (Arc::new(agent.client), Arc::new(master.server));
    assert_eq!(meet(&client, &server), (Full, known.clone()));
    assert_eq!(meet(&client, &server), (Resumed, known.clone()));
    // A rotated identity, on either side, proves itself anew.
    let rotated = Arc::new(configured("master").server);
    assert_eq!(meet(&client, &rotated), (Full, known.clone()));
    let rotated = Arc::new(configured("agent").client);
    assert_eq!(meet(&rotated, &server), (Full, known));
}

#[test]
fn a_certificate_that_expired_since_is_not_believed_after_the_handshake() {
    let authority = Authority::generate("test");
    let good = configure(&authority.issue("agent", "a"), &[authority.trust()]).unwrap();
    let now = SystemTime::now();
    let validity = Validity {
        from: now - Duration::from_secs(7200),
        until: now - Duration::from_secs(3600),
    };
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let expired = authority.sign(&PeerIdentity::new("agent", "a"), &key, &validity);
    let valid = authority.issue("agent", "a");
    good.verifier.check_again(&valid.chain()).unwrap();
    let refused = good.verifier.check_again(&expired.chain()).unwrap_err();
    assert!(refused.to_string().contains("expired"), "{refused}");
}
