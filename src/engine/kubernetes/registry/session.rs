//! The conversation with a registry about one repository: challenges, tokens, redirects, what refusals mean.
//!
//! Credentials go to the registry itself and to the server that it names for tokens, never where it redirects to.

use hyper::StatusCode;
use hyper::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use serde::Deserialize;

use super::challenge::{Challenge, token_url};
use super::credentials::Credential;
use super::error::RegistryError;
use crate::model::RegistryImage;
use crate::web::{Answer, OpenAnswer, Target, Wire, printable};

/// Redirects followed for one request; registries send both blobs and manifests elsewhere.
const REDIRECTS: usize = 3;
/// Longest answer that refuses something, in bytes.
const LONGEST_REFUSAL: usize = 1024 * 1024;
/// Longest answer with a token, in bytes.
const LONGEST_TOKEN: usize = 1024 * 1024;

/// A conversation about one repository.
pub struct Session<'a> {
    wire: &'a Wire,
    image: &'a RegistryImage,
    credential: Option<&'a Credential>,
    /// The `Authorization` header for the registry, once it has asked for one.
    shown: Option<HeaderValue>,
}

#[derive(Deserialize)]
struct Granted {
    token: Option<String>,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct Complaint {
    #[serde(default)]
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl<'a> Session<'a> {
    /// A conversation that has not begun.
    pub fn new(wire: &'a Wire, image: &'a RegistryImage, credential: Option<&'a Credential>) -> Self {
        Self { wire, image, credential, shown: None }
    }

    /// Fetches `/v2/<repository>/<part>`; `longest` is in bytes.
    pub async fn get(&mut self, part: &str, accept: &'static str, longest: usize) -> Result<Answer, RegistryError> {
        Ok(self.open(part, accept).await?.whole(longest).await?)
    }

    /// Begins to fetch `/v2/<repository>/<part>`: the body is still to be read.
    pub async fn open(&mut self, part: &str, accept: &'static str) -> Result<OpenAnswer, RegistryError> {
        let path = format!("/v2/{}/{part}", self.image.repository);
        let target = Target::of_registry(&self.image.host, &path).map_err(RegistryError::Other)?;
        let (mut from, mut answer) = self.follow(&target, self.shown.clone(), accept).await?;
        // A server that the registry redirects to may not ask for credentials.
        if answer.status == StatusCode::UNAUTHORIZED && from.is_same_server(&target) {
            let refusal = answer.whole(LONGEST_REFUSAL).await?;
            self.shown = Some(self.authorize(&target, &refusal).await?);
            (from, answer) = self.follow(&target, self.shown.clone(), accept).await?;
        }
        if answer.status == StatusCode::OK {
            return Ok(answer);
        }
        Err(self.declined(&from, &answer.whole(LONGEST_REFUSAL).await?))
    }

    /// A GET with its redirects, and the server that answered in the end.
    async fn follow(
        &self,
        first: &Target,
        shown: Option<HeaderValue>,
        accept: &'static str,
    ) -> Result<(Target, OpenAnswer), RegistryError> {
        let mut target = first.clone();
        for _ in 0..=REDIRECTS {
            let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            if let Some(shown) = shown.as_ref().filter(|_| target.is_same_server(first)) {
                headers.insert(AUTHORIZATION, shown.clone());
            }
            let answer = self.wire.open(&target, headers).await?;
            let next = answer.headers.get(LOCATION).and_then(|l| l.to_str().ok());
            let Some(next) = next.filter(|_| answer.status.is_redirection()) else { return Ok((target, answer)) };
            target = target
                .onward(next)
                .map_err(|why| RegistryError::Other(format!("{} cannot be followed: {why}", target.authority())))?;
        }
        Err(RegistryError::Other(format!("{} redirects more than {REDIRECTS} times", first.authority())))
    }

    /// The `Authorization` header to send after a 401.
    async fn authorize(&self, target: &Target, answer: &Answer) -> Result<HeaderValue, RegistryError> {
        let asked = answer.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|v| v.to_str().ok());
        match (Challenge::parse(asked), self.credential) {
            (Some(Challenge::Bearer { realm, service }), _) => self.token(target, &realm, service.as_deref()).await,
            (Some(Challenge::Basic), Some(credential)) => secret(&credential.basic()),
            (Some(Challenge::Basic), None) | (None, _) => Err(self.declined(target, answer)),
        }
    }

    async fn token(&self, from: &Target, realm: &str, service: Option<&str>) -> Result<HeaderValue, RegistryError> {
        let unusable = |why: &str| RegistryError::Other(format!("{} grants no token: {why}", from.authority()));
        let target = from.onward(&token_url(realm, service, &self.image.repository)).map_err(|why| unusable(&why))?;
        let shown = self.credential.map(|c| secret(&c.basic())).transpose()?;
        let (from, answer) = self.follow(&target, shown, "application/json").await?;
        let answer = answer.whole(LONGEST_TOKEN).await?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(self.declined(&from, &answer)),
            status => return Err(unusable(&format!("{} answers {status}", from.authority()))),
        }
        let granted: Granted = serde_json::from_slice(&answer.body).map_err(|_| unusable("its answer is no JSON"))?;
        let token = granted.token.or(granted.access_token).ok_or_else(|| unusable("its answer has none"))?;
        secret(&format!("Bearer {token}"))
    }

    fn declined(&self, from: &Target, answer: &Answer) -> RegistryError {
        let detail = format!("{}: {}", from.authority(), words(answer));
        match answer.status {
            StatusCode::NOT_FOUND => RegistryError::NotFound(detail),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                RegistryError::Refused { with_credentials: self.credential.is_some(), detail }
            }
            StatusCode::TOO_MANY_REQUESTS => RegistryError::Other(format!(
                "the registry has been asked too often: wait, or give credentials with --pull-secret ({detail})"
            )),
            _ => RegistryError::Other(format!("the registry does not serve it: try again later ({detail})")),
        }
    }
}

/// A header's value that hyper shows nowhere.
fn secret(text: &str) -> Result<HeaderValue, RegistryError> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| RegistryError::Other("the registry's token cannot be sent: it is no single line".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The status, and what the registry says to it.
fn words(answer: &Answer) -> String {
    let said = serde_json::from_slice::<Complaint>(&answer.body).ok().and_then(|c| c.errors.into_iter().next());
    let said = said.map(|f| if f.message.is_empty() { f.code } else { f.message }).filter(|w| !w.is_empty());
    said.map_or_else(|| answer.status.to_string(), |w| format!("{}, {}", answer.status.as_u16(), printable(&w)))
}
