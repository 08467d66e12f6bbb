// A TPP made of Nimbus' OAuth 2.0 SDK, from the bank's metadata to the end of its consent.
//
// Its own are registration, PAR, JARM, client authentication, and every request and answer. The SDK leaves two things to whoever uses
// it, and so they stand here: TLS sockets, and the claims `iss`, `aud`, `nbf` and `exp` of a request object.

import com.nimbusds.jose.*;
import com.nimbusds.jose.crypto.*;
import com.nimbusds.jose.jwk.*;
import com.nimbusds.jose.jwk.gen.*;
import com.nimbusds.jose.util.DefaultResourceRetriever;
import com.nimbusds.jose.util.X509CertUtils;
import com.nimbusds.jwt.*;
import com.nimbusds.oauth2.sdk.*;
import com.nimbusds.oauth2.sdk.as.AuthorizationServerMetadata;
import com.nimbusds.oauth2.sdk.auth.*;
import com.nimbusds.oauth2.sdk.client.*;
import com.nimbusds.oauth2.sdk.http.*;
import com.nimbusds.oauth2.sdk.id.*;
import com.nimbusds.oauth2.sdk.jarm.JARMValidator;
import com.nimbusds.oauth2.sdk.pkce.*;
import com.nimbusds.oauth2.sdk.token.*;
import com.nimbusds.oauth2.sdk.util.JSONObjectUtils;
import java.io.*;
import java.net.URI;
import java.nio.file.*;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.*;
import javax.net.ssl.*;

public class Nimbus {
    static final URI CALLBACK = URI.create("https://tpp.example/callback");
    static final BufferedReader IN = new BufferedReader(new InputStreamReader(System.in));
    static Map<String, Object> plan;
    static SSLSocketFactory tpp, gateway;
    static AuthorizationServerMetadata bank;

    public static void main(String[] arguments) throws Exception {
        plan = JSONObjectUtils.parse(IN.readLine());
        tpp = sockets("ca", "qwac");
        gateway = sockets("gateway_ca", "gateway");
        bank = AuthorizationServerMetadata.resolve(new Issuer(text("issuer")), request -> request.setSSLSocketFactory(tpp));
        say("told", List.of(
            new Nimbus(ClientAuthenticationMethod.TLS_CLIENT_AUTH, JWSAlgorithm.PS256).journey(),
            new Nimbus(ClientAuthenticationMethod.PRIVATE_KEY_JWT, JWSAlgorithm.ES256).journey()));
    }

    final JWSAlgorithm algorithm;
    final JWK key;
    final JWSSigner signer;
    final ClientInformation client;
    final JARMValidator answers;

    Nimbus(ClientAuthenticationMethod method, JWSAlgorithm algorithm) throws Exception {
        this.algorithm = algorithm;
        if (algorithm.equals(JWSAlgorithm.ES256)) {
            var pair = new ECKeyGenerator(Curve.P_256).keyUse(KeyUse.SIGNATURE).keyID(text("kid")).generate();
            key = pair;
            signer = new ECDSASigner(pair);
        } else {
            var pair = new RSAKeyGenerator(2048).keyUse(KeyUse.SIGNATURE).keyID(text("kid")).generate();
            key = pair;
            signer = new RSASSASigner(pair);
        }
        client = register(method);
        answers = new JARMValidator(bank.getIssuer(), client.getID(), client.getMetadata().getAuthorizationJWSAlg(),
            bank.getJWKSetURI().toURL(), new DefaultResourceRetriever(5000, 5000, 0, true, tpp));
    }

    ClientInformation register(ClientAuthenticationMethod method) throws Exception {
        var asked = new ClientMetadata();
        asked.setRedirectionURI(CALLBACK);
        asked.setName("Nimbus");
        asked.setGrantTypes(Set.of(GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN));
        asked.setTokenEndpointAuthMethod(method);
        if (method.equals(ClientAuthenticationMethod.TLS_CLIENT_AUTH)) {
            asked.setTLSClientAuthSubjectDN(qwac().getSubjectX500Principal().getName());
        }
        asked.setJWKSet(new JWKSet(key.toPublicJWK()));
        asked.setRequestObjectJWSAlg(algorithm);
        asked.setAuthorizationJWSAlg(JWSAlgorithm.ES256);
        asked.setCustomField("security_profile", "fapi2");
        var request = new ClientRegistrationRequest(bank.getRegistrationEndpointURI(), asked, null);
        var answer = ClientRegistrationResponse.parse(send(request.toHTTPRequest()));
        if (!answer.indicatesSuccess()) throw new GeneralException(answer.toErrorResponse().getErrorObject());
        return answer.toSuccessResponse().getClientInformation();
    }

    /** A new one for each request: an assertion is good once. */
    ClientAuthentication own() throws Exception {
        if (client.getMetadata().getTokenEndpointAuthMethod().equals(ClientAuthenticationMethod.TLS_CLIENT_AUTH)) {
            return new PKITLSClientAuthentication(client.getID(), tpp);
        }
        var claims = new JWTAuthenticationClaimsSet(client.getID(), new Audience(bank.getIssuer().getValue()));
        return new PrivateKeyJWT(claims, algorithm, key.toECKey().toPrivateKey(), key.getKeyID(), null);
    }

    record Pushed(URI url, CodeVerifier verifier, State state) {}

    Pushed push(Scope scope) throws Exception {
        var verifier = new CodeVerifier();
        var state = new State();
        var request = new AuthorizationRequest.Builder(ResponseType.CODE, client.getID()).responseMode(ResponseMode.JWT)
            .redirectionURI(CALLBACK).scope(scope).state(state).codeChallenge(verifier, CodeChallengeMethod.S256).build();
        var now = new Date();
        var claims = new JWTClaimsSet.Builder(request.toJWTClaimsSet()).issuer(client.getID().getValue())
            .audience(bank.getIssuer().getValue()).notBeforeTime(now).expirationTime(new Date(now.getTime() + 60_000)).build();
        var header = new JWSHeader.Builder(algorithm).type(new JOSEObjectType("oauth-authz-req+jwt")).keyID(key.getKeyID()).build();
        var object = new SignedJWT(header, claims);
        object.sign(signer);
        var signed = new AuthorizationRequest.Builder(object, client.getID()).build();
        var endpoint = bank.getReadOnlyMtlsEndpointAliases().getPushedAuthorizationRequestEndpointURI();
        var pushed = new PushedAuthorizationRequest(endpoint, own(), signed);
        var answer = PushedAuthorizationResponse.parse(send(pushed.toHTTPRequest()));
        if (!answer.indicatesSuccess()) throw new GeneralException(answer.toErrorResponse().getErrorObject());
        var uri = answer.toSuccessResponse().getRequestURI();
        var url = new AuthorizationRequest.Builder(uri, client.getID()).endpointURI(bank.getAuthorizationEndpointURI()).build().toURI();
        return new Pushed(url, verifier, state);
    }

    AuthorizationResponse answer(String customer, Pushed pushed) throws Exception {
        say("open", pushed.url.toString(), "customer", customer);
        var landed = URI.create((String) JSONObjectUtils.parse(IN.readLine()).get("landed"));
        var answer = AuthorizationResponse.parse(landed, answers);
        if (!pushed.state.equals(answer.getState())) throw new GeneralException("another state");
        return answer;
    }

    Tokens tokens(AuthorizationGrant grant) throws Exception {
        var endpoint = bank.getReadOnlyMtlsEndpointAliases().getTokenEndpointURI();
        var answer = TokenResponse.parse(send(new TokenRequest.Builder(endpoint, own(), grant).build().toHTTPRequest()));
        if (!answer.indicatesSuccess()) throw new GeneralException(answer.toErrorResponse().getErrorObject());
        return answer.toSuccessResponse().getTokens();
    }

    Tokens redeem(AuthorizationResponse answer, CodeVerifier verifier) throws Exception {
        return tokens(new AuthorizationCodeGrant(answer.toSuccessResponse().getAuthorizationCode(), CALLBACK, verifier));
    }

    static TokenIntrospectionSuccessResponse introspect(AccessToken token) throws Exception {
        var caller = new PKITLSClientAuthentication(new ClientID("gateway"), gateway);
        var request = new TokenIntrospectionRequest(URI.create(text("introspection")), caller, token);
        return TokenIntrospectionResponse.parse(request.toHTTPRequest().send()).toSuccessResponse();
    }

    HTTPResponse resource(AccessToken token) throws Exception {
        var request = new HTTPRequest(HTTPRequest.Method.GET, URI.create(text("resource")));
        request.setAuthorization(token.toAuthorizationHeader());
        return send(request);
    }

    Map<String, Object> journey() throws Exception {
        var report = new LinkedHashMap<String, Object>();
        var scope = new Scope("aisp");
        var first = push(scope);
        var tokens = redeem(answer("approves", first), first.verifier);
        var access = tokens.getAccessToken();
        report.put("method", client.getMetadata().getTokenEndpointAuthMethod().getValue());
        report.put("scope", access.getScope().toString());
        report.put("bound", X509CertificateConfirmation.of(qwac()).equals(introspect(access).getX509CertificateConfirmation()));
        report.put("resource", resource(access).getStatusCode());
        var again = tokens(new RefreshTokenGrant(tokens.getRefreshToken())).getAccessToken();
        report.put("refreshed", introspect(again).isActive());

        var endpoint = bank.getReadOnlyMtlsEndpointAliases().getRevocationEndpointURI();
        send(new TokenRevocationRequest(endpoint, own(), tokens.getRefreshToken()).toHTTPRequest()).ensureStatusCode(200);
        report.put("revoked", !introspect(access).isActive() && !introspect(again).isActive());

        report.put("denied", answer("cancels", push(scope)).toErrorResponse().getErrorObject().getCode());
        report.put("scope_refused", refusal(() -> push(new Scope("openid"))));
        var other = push(scope);
        var landed = answer("approves", other);
        report.put("verifier_refused", refusal(() -> redeem(landed, new CodeVerifier())));
        var challenge = resource(access).getWWWAuthenticate();
        report.put("token_refused", BearerTokenError.parse(challenge).getCode());
        return report;
    }

    interface Act {
        Object run() throws Exception;
    }

    static String refusal(Act act) throws Exception {
        try {
            act.run();
        } catch (GeneralException refused) {
            return refused.getErrorObject().getCode();
        }
        throw new IllegalStateException("nothing was refused");
    }

    static HTTPResponse send(HTTPRequest request) throws IOException {
        request.setSSLSocketFactory(tpp);
        return request.send();
    }

    static SSLSocketFactory sockets(String authorities, String identity) throws Exception {
        var certificates = CertificateFactory.getInstance("X.509");
        var trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        try (var pem = Files.newInputStream(Path.of(text(authorities)))) {
            for (var one : certificates.generateCertificates(pem)) trusted.setCertificateEntry("ca" + trusted.size(), one);
        }
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        Certificate[] chain;
        try (var pem = Files.newInputStream(file(identity, 0))) {
            chain = certificates.generateCertificates(pem).toArray(Certificate[]::new);
        }
        var der = Base64.getMimeDecoder().decode(Files.readString(file(identity, 1)).replaceAll("-----[A-Z ]+-----", ""));
        var secret = KeyFactory.getInstance(chain[0].getPublicKey().getAlgorithm()).generatePrivate(new PKCS8EncodedKeySpec(der));
        var own = KeyStore.getInstance(KeyStore.getDefaultType());
        own.load(null, null);
        own.setKeyEntry("own", secret, new char[0], chain);
        var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(own, new char[0]);
        var context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context.getSocketFactory();
    }

    static X509Certificate qwac() throws IOException {
        return X509CertUtils.parse(Files.readString(file("qwac", 0)));
    }

    static String text(String name) {
        return (String) plan.get(name);
    }

    static Path file(String name, int n) {
        return Path.of((String) ((List<?>) plan.get(name)).get(n));
    }

    static void say(Object... pairs) {
        var object = new net.minidev.json.JSONObject();
        for (int n = 0; n < pairs.length; n += 2) object.put((String) pairs[n], pairs[n + 1]);
        System.out.println(object.toJSONString());
    }
}
