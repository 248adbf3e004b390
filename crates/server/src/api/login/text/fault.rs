//! What other layers say to people on these pages. They say it in English, as programs read it
//! too; what of it has another language is found by its words.

/// In English, with `{}` for what is put in, and the same in German.
pub const IN_GERMAN: &[(&str, &str)] = &[
    // What was wrong in what was given.
    (
        "Error validating credentials due to invalid username or password.",
        "Name oder Kennwort ist falsch.",
    ),
    (
        "The account is locked. You've tried to sign in too many times with an incorrect user ID or password.",
        "Das Konto ist gesperrt: Es wurde zu oft mit falschem Namen oder Kennwort versucht, sich anzumelden.",
    ),
    ("The user account is disabled.", "Das Benutzerkonto ist deaktiviert."),
    (
        "There is a second factor already: remove it first.",
        "Es gibt schon einen zweiten Faktor: Entfernen Sie ihn zuerst.",
    ),
    (
        "The code is not right, or was used before. Codes last half a minute.",
        "Der Code ist nicht richtig oder wurde schon verwendet. Codes gelten eine halbe Minute.",
    ),
    (
        "The passkey was not taken, or this page is too old. Try again.",
        "Der Passkey wurde nicht angenommen, oder diese Seite ist zu alt. Versuchen Sie es noch einmal.",
    ),
    ("This passkey is there already.", "Diesen Passkey gibt es schon."),
    (
        "There are {} passkeys already: remove one first.",
        "Es gibt schon {} Passkeys: Entfernen Sie zuerst einen.",
    ),
    (
        "A passkey needs a name of 1 to {} characters on one line.",
        "Ein Passkey braucht einen Namen aus 1 bis {} Zeichen in einer Zeile.",
    ),
    ("There is no passkey '{}'.", "Es gibt keinen Passkey '{}'."),
    (
        "Passkeys need this server to have a public address with a name, over https.",
        "F\u{fc}r Passkeys braucht dieser Server eine \u{f6}ffentliche Adresse mit einem Namen, \u{fc}ber https.",
    ),
    (
        "It is a while since you signed in, or you did so without your second factor. Sign in again first.",
        "Ihre Anmeldung liegt eine Weile zur\u{fc}ck oder war ohne Ihren zweiten Faktor. Melden Sie sich zuerst noch einmal an.",
    ),
    (
        "Too many have begun to sign in. Try again in a minute.",
        "Zu viele Anmeldungen wurden begonnen. Versuchen Sie es in einer Minute noch einmal.",
    ),
    (
        "The form is not one that this browser was given. Go back and try again.",
        "Dieses Formular hat der Browser nicht von hier. Gehen Sie zur\u{fc}ck, und versuchen Sie es noch einmal.",
    ),
    (
        "The provided grant has expired due to it being revoked, a fresh auth token is needed.",
        "Die Anmeldung gilt nicht mehr. Melden Sie sich noch einmal an.",
    ),
    (
        "The device code is not one that this server gave to the application.",
        "Diesen Ger\u{e4}tecode hat der Server der Anwendung nicht gegeben.",
    ),
    // What an application has asked for.
    (
        "Tenant '{}' not found. Check that it is the id of this server's tenant.",
        "Der Mandant '{}' wurde nicht gefunden. Pr\u{fc}fen Sie, ob es die ID des Mandanten dieses Servers ist.",
    ),
    (
        "Application with identifier '{}' was not found in the directory.",
        "Die Anwendung mit der ID '{}' wurde im Verzeichnis nicht gefunden.",
    ),
    ("There is no application '{}'.", "Es gibt keine Anwendung '{}'."),
    (
        "The redirect URI '{}' specified in the request does not match the redirect URIs configured for the application.",
        "Die R\u{fc}ckadresse '{}' der Anfrage ist keine von denen, die f\u{fc}r die Anwendung eingetragen sind.",
    ),
    (
        "The request body must contain the following parameter: '{}'.",
        "In der Anfrage fehlt der Parameter '{}'.",
    ),
    (
        "The request is not properly formatted. The parameter '{}' is duplicated.",
        "Die Anfrage ist nicht richtig aufgebaut: Den Parameter '{}' gibt es mehrmals.",
    ),
    (
        "The body has to be a form: 'application/x-www-form-urlencoded'.",
        "Der Inhalt muss ein Formular sein: 'application/x-www-form-urlencoded'.",
    ),
    ("The request is too long.", "Die Anfrage ist zu lang."),
    ("A parameter is too long.", "Ein Parameter ist zu lang."),
    ("The body is larger than {} bytes.", "Der Inhalt ist gr\u{f6}\u{df}er als {} Bytes."),
    ("The body could not be read: {}.", "Der Inhalt konnte nicht gelesen werden: {}."),
    (
        "The body did not arrive within {} seconds.",
        "Der Inhalt ist nicht innerhalb von {} Sekunden angekommen.",
    ),
    // What issuers from outside and services of connections have said.
    (
        "The issuer at which you want to sign in does not answer now.",
        "Der Aussteller, bei dem Sie sich anmelden m\u{f6}chten, antwortet gerade nicht.",
    ),
    (
        "The issuer of the access token does not give its keys now.",
        "Der Aussteller gibt seine Schl\u{fc}ssel gerade nicht heraus.",
    ),
    (
        "The access token is signed with a key that its issuer does not publish.",
        "Was der Aussteller geschickt hat, ist mit einem Schl\u{fc}ssel unterschrieben, den er nicht ver\u{f6}ffentlicht.",
    ),
    ("You were not signed in there: {}.", "Sie wurden dort nicht angemeldet: {}."),
    ("it sent neither a code nor an error", "Es kam weder ein Code noch ein Fehler zur\u{fc}ck"),
    (
        "you have none of the roles that this server lets in",
        "Sie haben keine der Rollen, die dieser Server einl\u{e4}sst",
    ),
    ("the user is gone", "Es gibt den Benutzer nicht mehr"),
    ("the code was not exchanged", "Der Code wurde nicht eingetauscht"),
    ("it does not say who signed in", "Es wurde nicht gesagt, wer sich angemeldet hat"),
    (
        "what it says of you is not believed",
        "Was von dort \u{fc}ber Sie gesagt wird, ist nicht glaubw\u{fc}rdig",
    ),
    (
        "This link is not one of this server, or it is too old: ask for another.",
        "Dieser Link ist nicht von diesem Server, oder er ist zu alt: Fordern Sie einen neuen an.",
    ),
    (
        "This link is too old: ask for another.",
        "Dieser Link ist zu alt: Fordern Sie einen neuen an.",
    ),
    ("This link is too old.", "Dieser Link ist zu alt."),
    (
        "This link was used already: ask for another.",
        "Dieser Link wurde schon verwendet: Fordern Sie einen neuen an.",
    ),
    (
        "Somebody else asked for this sign-in. In this browser, '{}' is signed in.",
        "Diese Anmeldung hat jemand anderes angefordert. In diesem Browser ist '{}' angemeldet.",
    ),
    ("Somebody who may do everything on this server", "Jemand, der auf diesem Server alles darf,"),
    ("Who asked for this is not let in.", "Wer dies angefordert hat, wird nicht eingelassen."),
    (
        "The connection is not there any more, or not for who asked.",
        "Die Verbindung gibt es nicht mehr, oder nicht f\u{fc}r den, der dies angefordert hat.",
    ),
    (
        "The connector has no parameter set '{}' any more.",
        "Der Connector hat keine Parameter '{}' mehr.",
    ),
    (
        "Nobody signs in for connections that authenticate in this way.",
        "F\u{fc}r Verbindungen, die sich so ausweisen, meldet sich niemand an.",
    ),
    (
        "The sign-in began in another browser: ask for another link.",
        "Die Anmeldung hat in einem anderen Browser begonnen: Fordern Sie einen neuen Link an.",
    ),
    ("The service did not let you in: {}.", "Der Dienst hat Sie nicht eingelassen: {}."),
    ("The service gave no token: {}.", "Der Dienst hat kein Token gegeben: {}."),
    (
        "The connection is being changed by somebody else: ask for another link.",
        "Die Verbindung wird gerade von jemand anderem ge\u{e4}ndert: Fordern Sie einen neuen Link an.",
    ),
    // What is the matter with the server.
    ("The user is gone.", "Es gibt den Benutzer nicht mehr."),
    (
        "The server failed to do this. Its log says more.",
        "Dem Server ist dies nicht gelungen. Sein Protokoll sagt mehr.",
    ),
    (
        "The server has more to do than it can take on. Try again shortly.",
        "Der Server hat mehr zu tun, als er annehmen kann. Versuchen Sie es gleich noch einmal.",
    ),
    (
        "The server's disk is full. Nothing was accepted.",
        "Der Datentr\u{e4}ger des Servers ist voll. Es wurde nichts angenommen.",
    ),
    (
        "The server's store did not answer in time. What was asked may have been done.",
        "Der Speicher des Servers hat nicht rechtzeitig geantwortet. Was verlangt wurde, kann geschehen sein.",
    ),
    (
        "The server's store is not available now. Nothing was accepted.",
        "Der Speicher des Servers ist gerade nicht erreichbar. Es wurde nichts angenommen.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the English sentences are.
    const SAID: [&str; 13] = [
        include_str!("../../../app/connector/oauth/consent.rs"),
        include_str!("../../../app/connector/oauth/mod.rs"),
        include_str!("../../../app/directory/application.rs"),
        include_str!("../../../app/error.rs"),
        include_str!("../../../app/signin/consent.rs"),
        include_str!("../../../app/signin/issuer.rs"),
        include_str!("../../../app/signin/outside.rs"),
        include_str!("../../../app/signin/passkey.rs"),
        include_str!("../../../app/signin/refusal.rs"),
        include_str!("../../body.rs"),
        include_str!("../connection.rs"),
        include_str!("../console.rs"),
        include_str!("../form.rs"),
    ];

    #[test]
    fn every_sentence_is_still_said_in_these_words() {
        let mut lines = SAID.iter().flat_map(|file| file.lines()).collect::<Vec<_>>();
        lines.retain(|line| line.contains('"'));
        for (english, _) in IN_GERMAN {
            let pieces: Vec<&str> = english.split("{}").collect();
            let has_all = |line: &&str| pieces.iter().all(|piece| line.contains(piece));
            assert!(lines.iter().any(has_all), "nobody says: {english}");
        }
    }
}
