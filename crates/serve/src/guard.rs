//! Who may ask: what is checked of every request before anything else, and what every answer says to the browser.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::Shared;
use crate::error::Refusal;

/// The header with the token.
pub const TOKEN: &str = "x-onedge-token";

/// No script but ours, nothing from elsewhere. The library for charts writes styles into elements, which is no script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
                      connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What is asked of requests.
#[derive(Debug, Clone)]
pub struct Guard {
    /// Whether only this machine can reach the server: then pages need no token to read.
    loopback: bool,
    /// What changes need, and all requests from other machines.
    token: String,
    /// Names that the server may be called by, without ports; all if empty.
    hosts: Vec<String>,
}

impl Guard {
    /// For a server at `address`, which was asked for by the name `host`.
    pub fn new(address: SocketAddr, host: &str, token: String) -> Self {
        let loopback = address.ip().is_loopback();
        let own = address.ip().to_string();
        let hosts = match address.ip() {
            ip if ip.is_loopback() => ["localhost", "127.0.0.1", "::1", &own].map(str::to_owned).to_vec(),
            // Any name may lead to it, and none gets in without the token.
            ip if ip.is_unspecified() => Vec::new(),
            _ => vec![own, host.to_owned()],
        };
        Self { loopback, token, hosts }
    }

    /// What pages must know to be allowed changes; nothing where whoever opened them has to say it.
    pub fn handed_out(&self) -> Option<&str> {
        self.loopback.then_some(&*self.token)
    }

    /// What the address must say for pages to be answered at all; nothing where only this machine can ask.
    pub fn asked_for(&self) -> Option<&str> {
        (!self.loopback).then_some(&*self.token)
    }

    /// The host of the request is one that the server is called by: a page elsewhere that made its own name lead here has another.
    fn check_host(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = match (hosts.next().map(HeaderValue::to_str), hosts.next()) {
            (Some(Ok(host)), None) => without_port(host).to_lowercase(),
            _ => return Err(Refusal::wrong("host: expected one header that says which server is meant, got none")),
        };
        if self.hosts.is_empty() || self.hosts.contains(&host) {
            return Ok(());
        }
        let sentence = format!("host: expected {}, got another name; open the address that was printed", self.hosts[0]);
        Err(Refusal(StatusCode::MISDIRECTED_REQUEST, sentence))
    }

    /// Whoever asks is a page of this server, or no page at all.
    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let foreign =
            Refusal(StatusCode::FORBIDDEN, "origin: expected a page of this server, got one from elsewhere".to_owned());
        let site = text(HeaderName::from_static("sec-fetch-site"));
        if site.is_some_and(|site| !["same-origin", "none"].contains(&site)) {
            return Err(foreign);
        }
        match (text(header::ORIGIN), text(header::HOST)) {
            (None, _) => Ok(()),
            (Some(origin), Some(host)) if origin.split_once("://").is_some_and(|(_, of)| of == host) => Ok(()),
            _ => Err(foreign),
        }
    }

    fn check_token(&self, method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
        if self.loopback && [Method::GET, Method::HEAD].contains(method) {
            return Ok(());
        }
        let given = headers.get(TOKEN).map_or(&b""[..], HeaderValue::as_bytes);
        if alike(given, self.token.as_bytes()) {
            return Ok(());
        }
        let sentence = "token: expected the one of this server, got none or another; open the address that was printed";
        Err(Refusal(StatusCode::UNAUTHORIZED, sentence.to_owned()))
    }
}

/// In a time that does not tell how much of it is right.
fn alike(given: &[u8], token: &[u8]) -> bool {
    given.len() == token.len() && given.iter().zip(token).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

fn without_port(host: &str) -> &str {
    if let Some(inner) = host.strip_prefix('[') {
        return inner.split(']').next().unwrap_or("");
    }
    match host.rsplit_once(':') {
        Some((name, _)) if name.parse::<IpAddr>().is_ok() || !name.contains(':') => name,
        _ => host,
    }
}

/// Checks a request, and seals the answer.
pub async fn check(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let (method, headers) = (request.method(), request.headers());
    let is_data = request.uri().path().starts_with("/api/");
    let mut checked = app.guard.check_host(headers);
    if is_data {
        checked = checked.and_then(|()| app.guard.check_origin(headers));
        checked = checked.and_then(|()| app.guard.check_token(method, headers));
    }
    let mut response = match checked {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_name_that_was_made_to_lead_here_is_refused() {
        let local = Guard::new("127.0.0.1:6543".parse().unwrap(), "127.0.0.1", "t".to_owned());
        for host in ["127.0.0.1:6543", "localhost", "LOCALHOST:80", "[::1]:6543"] {
            assert_eq!(local.check_host(&headers(&[("host", host)])), Ok(()), "{host}");
        }
        for host in ["evil.example:6543", "127.0.0.1.evil.example", "", "localhost.", "127.0.0.2", "[::2]"] {
            let refused = local.check_host(&headers(&[("host", host)])).unwrap_err();
            assert_eq!(refused.0, StatusCode::MISDIRECTED_REQUEST, "{host}");
        }
        assert!(local.check_host(&HeaderMap::new()).is_err());
        let mut twice = headers(&[("host", "localhost")]);
        twice.append("host", "evil.example".parse().unwrap());
        assert!(local.check_host(&twice).is_err());
        let open = Guard::new("0.0.0.0:6543".parse().unwrap(), "0.0.0.0", "t".to_owned());
        assert_eq!(open.check_host(&headers(&[("host", "box.lan:6543")])), Ok(()));
    }

    #[test]
    fn pages_from_elsewhere_are_refused() {
        let guard = Guard::new("127.0.0.1:6543".parse().unwrap(), "127.0.0.1", "t".to_owned());
        let host = ("host", "localhost:6543");
        for lines in [
            &[host][..],
            &[host, ("origin", "http://localhost:6543")],
            &[host, ("sec-fetch-site", "same-origin")],
            &[host, ("sec-fetch-site", "none")],
        ] {
            assert_eq!(guard.check_origin(&headers(lines)), Ok(()), "{lines:?}");
        }
        for lines in [
            [host, ("origin", "http://evil.example")],
            [host, ("origin", "null")],
            [host, ("origin", "http://localhost:80")],
            [host, ("sec-fetch-site", "cross-site")],
            [host, ("sec-fetch-site", "same-site")],
        ] {
            assert_eq!(guard.check_origin(&headers(&lines)).unwrap_err().0, StatusCode::FORBIDDEN, "{lines:?}");
        }
    }

    #[test]
    fn changes_need_the_token_and_other_machines_always_do() {
        let local = Guard::new("127.0.0.1:1".parse().unwrap(), "127.0.0.1", "secret".to_owned());
        let open = Guard::new("0.0.0.0:1".parse().unwrap(), "0.0.0.0", "secret".to_owned());
        let (none, wrong, right) = (HeaderMap::new(), headers(&[(TOKEN, "secreT")]), headers(&[(TOKEN, "secret")]));
        assert_eq!(local.check_token(&Method::GET, &none), Ok(()));
        for (guard, method, headers, fits) in [
            (&local, Method::POST, &none, false),
            (&local, Method::POST, &wrong, false),
            (&local, Method::POST, &right, true),
            (&open, Method::GET, &none, false),
            (&open, Method::GET, &wrong, false),
            (&open, Method::GET, &right, true),
            (&open, Method::POST, &right, true),
        ] {
            assert_eq!(guard.check_token(&method, headers).is_ok(), fits, "{method} {headers:?}");
        }
        assert_eq!((local.handed_out(), open.handed_out()), (Some("secret"), None));
    }
}
