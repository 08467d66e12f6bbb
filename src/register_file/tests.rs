#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

const CSV: &str = "organizationIdentifier,name,roles,status,hostCountries\n\
    PSDFR-ACPR-12345,Exemple Pay,PSP_AI PSP_PI,authorised,DE ES\n\
    PSDMT-MFSA-A 12345,\"Island, Ltd\",PSP_AI|PSP_IC,suspended,\n\
    PSDDE-BAFIN-1,Früher GmbH,,withdrawn,AT\n";

const JSON: &str = r#"[
  {"organizationIdentifier": "PSDFR-ACPR-12345", "name": "Exemple Pay", "roles": ["PSP_AI", "PSP_PI"], "status": "authorised",
   "hostCountries": ["DE", "ES"]},
  {"organizationIdentifier": "PSDMT-MFSA-A 12345", "name": "Island, Ltd", "roles": ["PSP_AI", "PSP_IC"], "status": "suspended",
   "hostCountries": []},
  {"ncaId": "DE-BAFIN", "authorisationNumber": "1", "name": "Früher GmbH", "roles": [], "status": "withdrawn", "hostCountries": ["AT"]}
]
"#;

#[test]
fn both_forms_say_the_same() {
    let rows = read(CSV.as_bytes()).unwrap();
    assert_eq!(rows, read(JSON.as_bytes()).unwrap());
    let halves = CSV.replace("organizationIdentifier", "ncaId,authorisationNumber").replace("PSDFR-ACPR-", "FR-ACPR,");
    let halves = halves.replace("PSDMT-MFSA-A", "MT-MFSA,A").replace("PSDDE-BAFIN-", "DE-BAFIN,");
    assert_eq!(rows, read(halves.as_bytes()).unwrap());
    let spreadsheet =
        format!("\u{feff}{}", CSV.replace("\"Island, Ltd\"", "Island% Ltd").replace(',', ";").replace('%', ",").replace('\n', "\r\n"));
    assert_eq!(rows, read(spreadsheet.as_bytes()).unwrap());
    assert_eq!(rows[0].entry.roles.names(), "PSP_PI PSP_AI");
    assert_eq!(rows[1].entry.hosts.as_deref(), Some([].as_slice()));
    let silent = read(b"organizationIdentifier,name,roles,status\nPSDFR-ACPR-1,A,PSP_AI,authorised\n").unwrap();
    assert_eq!(silent[0].entry.hosts, None, "the export does not say");
}

fn mistakes(text: &[u8]) -> Vec<String> {
    let mistakes = read(text).unwrap_err();
    assert_eq!(mistakes.more, 0);
    mistakes.listed.into_iter().map(|mistake| format!("{}: {}", mistake.line, mistake.what)).collect()
}

#[test]
fn every_mistake_of_a_csv_is_told_with_its_line() {
    let text = "organizationIdentifier,name,roles,status,hostCountries\n\
        PSDFR-ACPR-1,A,PSP_AI,authorised,DE\n\
        PSDFR-ACPR,A,PSP_AI,authorised,DE\n\
        PSDFR-ACPR-2,A,psp_ai,authorized,Germany\n\
        PSDFR-ACPR-3,A,,authorised,\n\
        \"PSDFR-ACPR-4\",\"two\nlines\",PSP_AI,authorised,\n\
        PSDFR-ACPR-5,A\n\
        PSDFR-ACPR-1,B,PSP_AI,withdrawn,\n\
        ,A,PSP_AI,,\n";
    let expected = [
        "3: organizationIdentifier: `PSDFR-ACPR` is not of the form PSDFR-ACPR-12345",
        "4: roles: `psp_ai` is none of PSP_AS, PSP_PI, PSP_AI, PSP_IC",
        "4: status: `authorized` is not authorised, suspended or withdrawn",
        "4: hostCountries: `Germany` is no country code of two capital letters",
        "5: roles: an authorised institution has at least one",
        "6: name: holds a control character",
        "8: 2 fields, the header has 5",
        "9: `PSDFR-ACPR-1` stands on line 2 already",
        "10: organizationIdentifier: missing",
        "10: status: missing",
    ];
    assert_eq!(mistakes(text.as_bytes()), expected);
    for (text, expected) in [
        ("", "1: the file is empty"),
        (" \n", "1: the file is empty"),
        ("organizationIdentifier,name,roles,status\n", "1: there is no institution in it"),
        ("name,roles,status\n", "1: column organizationIdentifier, or ncaId and authorisationNumber, is missing"),
        (
            "ncaId,authorisationNumber,name,roles,status\nFR,1,A,PSP_AI,authorised\n",
            "2: ncaId: `FR` is not a country and an authority, such as FR-ACPR",
        ),
        ("ncaId,authorisationNumber,name,roles,status\n,1,A,PSP_AI,authorised\n", "2: ncaId: missing"),
        ("organizationIdentifier,name,name,roles,status\n", "1: column name stands twice"),
    ] {
        assert_eq!(mistakes(text.as_bytes()), [expected], "{text}");
    }
    assert!(mistakes(b"organizationIdentifier,name,rolls,status\n")[0].starts_with("1: `rolls` is no column; known are"));
    assert_eq!(mistakes(b"organizationIdentifier,name,roles,status\nPSDFR-ACPR-1,\xff,PSP_AI,authorised\n"), ["2: not UTF-8"]);
}

#[test]
fn every_mistake_of_a_json_is_told_with_its_line() {
    let text = r#"[
  {"organizationIdentifier": "PSDFR-ACPR-1", "name": "A", "roles": ["PSP_AI"], "status": "authorised"},
  {"organizationIdentifier": 7, "name": "A", "roles": "PSP_AI", "status": "authorised"},
  {"name": "A", "roles": ["PSP_AI"],

   "status": "gone", "city": "Paris"},
  [],
  {"organizationIdentifier": "PSDFR-ACPR-1", "roles": ["PSP_AI"], "status": "authorised"}
]"#;
    let expected = [
        "3: organizationIdentifier: not a string",
        "3: roles: not an array of strings",
        "3: organizationIdentifier: missing",
        "3: roles: an authorised institution has at least one",
    ];
    let told = mistakes(text.as_bytes());
    assert_eq!(told[..4], expected);
    assert!(told[4].starts_with("4: `city` is no member; known are"), "{}", told[4]);
    assert_eq!(
        told[5..],
        [
            "4: organizationIdentifier: missing",
            "4: status: `gone` is not authorised, suspended or withdrawn",
            "7: not an object",
            "8: name: missing",
            "8: `PSDFR-ACPR-1` stands on line 2 already",
        ]
    );
    for (text, line) in [
        ("{}", "1: must be an array of objects"),
        ("[]", "1: there is no institution in it"),
        ("[\n", "2: the array does not end"),
        ("[{}\n\n{}]", "3: `,` or `]` expected"),
        ("[\n{},\n{\n\"a\" 1}]", "4: no JSON"),
        ("[{}\n] x", "2: something follows"),
    ] {
        let told = mistakes(text.as_bytes());
        assert!(told.last().unwrap().starts_with(line), "{text}: {told:?}");
    }
    let deep = format!("[{}", "[".repeat(100_000));
    assert!(mistakes(deep.as_bytes())[0].contains("recursion limit"));
}

#[test]
fn what_is_too_much_is_said_and_not_taken() {
    let mut text = String::from("organizationIdentifier,name,roles,status\n");
    for number in 0..=MOST_ROWS {
        text += &format!("PSDFR-ACPR-{number},A,PSP_AI,authorised\n");
    }
    assert_eq!(mistakes(text.as_bytes()), [format!("{}: more than {MOST_ROWS} institutions", MOST_ROWS + 2)]);
    let wrong = "organizationIdentifier,name,roles,status\n".to_owned() + &"x,A,PSP_AI,authorised\n".repeat(1_000);
    let told = read(wrong.as_bytes()).unwrap_err();
    assert_eq!((told.listed.len(), told.more), (200, 800));
    assert!(told.to_string().ends_with("\nand 800 more"));
    let large = vec![b' '; usize::try_from(LARGEST_FILE).unwrap() + 1];
    assert_eq!(mistakes(&large), ["1: the file is larger than 64 MiB"]);
    let long = format!("organizationIdentifier,name,roles,status\nPSDFR-ACPR-{},A,PSP_AI,authorised\n", "1".repeat(300));
    assert_eq!(mistakes(long.as_bytes()), ["2: organizationIdentifier: longer than 256 bytes"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever the bytes are, they are rows that can be stored, or mistakes on a line.
    #[test]
    fn any_bytes_are_rows_or_mistakes(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8), json: bool) {
        let mut bytes = if json { JSON } else { CSV }.as_bytes().to_vec();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        match read(&bytes) {
            Ok(rows) => {
                prop_assert!(!rows.is_empty());
                for row in rows {
                    prop_assert!(is_identifier(row.organisation.as_str()));
                    prop_assert!(!row.name.chars().chain(row.organisation.as_str().chars()).any(char::is_control));
                }
            }
            Err(mistakes) => {
                prop_assert!(!mistakes.is_empty() && mistakes.listed.iter().all(|mistake| mistake.line >= 1));
                prop_assert!(!mistakes.to_string().chars().any(|c| c.is_control() && c != '\n'));
            }
        }
    }

    #[test]
    fn garbage_is_never_more_than_mistakes(bytes in prop::collection::vec(any::<u8>(), 0..300), start in prop::sample::select(vec!["", "[", "[{"])) {
        let _ = read(&[start.as_bytes(), &bytes].concat());
    }
}
