"""Every format is read exactly, and every bad row is refused by file, line and reason."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from glia_sim import faults
from glia_sim.workload import readers, synthetic

OWN = "arrival_s,prompt_tokens,output_tokens\n"
VIDUR = "arrived_at,num_prefill_tokens,num_decode_tokens\n"
AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
MOON = {"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [0, 1]}


@pytest.fixture
def write(tmp_path):
    def file(content: str | bytes, name: str = "trace"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return file


def moon(**changes) -> str:
    return json.dumps(MOON | changes) + "\n"


def test_our_csv_is_read_in_any_order_of_columns(write):
    read = readers.read(write("output_tokens,arrival_s,prompt_tokens,priority\n7,0.5,100,-3\n8,1.5,200,4\n"))
    assert read.arrival_s.tolist() == [0.5, 1.5]
    assert read.prompt_tokens.tolist() == [100, 200]
    assert read.output_tokens.tolist() == [7, 8]
    assert read.priority.tolist() == [-3, 4]
    assert not read.has_prefixes


def test_prefix_groups_become_chains_of_one_id(write):
    read = readers.read(
        write(
            "arrival_s,prompt_tokens,output_tokens,prefix_group,prefix_tokens\n0,100,1,4,64\n1,100,1,-1,0\n2,90,1,4,0\n"
        )
    )
    assert read.chain_offsets.tolist() == [0, 1, 1, 1]
    assert read.chain_ids.tolist() == [4]
    assert read.shared_tokens.tolist() == [64, 0, 0]


def test_vidurs_columns_mean_the_same(write):
    ours = readers.read(write(OWN + "0.25,10,20\n0.5,30,40\n", "ours"))
    vidurs = readers.read(write(VIDUR + "0.25,10,20\n0.5,30,40\n", "vidurs"))
    assert ours.digest == vidurs.digest


def test_quoted_headers_windows_lines_and_a_byte_order_mark_are_no_obstacle(write):
    plain = readers.read(write(OWN + "0,1,2\n3,4,5\n", "plain"))
    dressed = '\ufeff"arrival_s","prompt_tokens","output_tokens"\r\n0,1,2\r\n3,4,5\r\n\r\n'
    assert readers.read(write(dressed, "dressed")).digest == plain.digest


def test_azure_time_begins_at_the_first_stamp(write):
    text = AZURE + "2023-11-16 23:59:59.5000000,374,44\n2023-11-17 00:00:00.7500000,396,109\n"
    read = readers.read(write(text))
    assert read.arrival_s.tolist() == [0.0, 1.25]
    assert read.prompt_tokens.tolist() == [374, 396]
    assert read.output_tokens.tolist() == [44, 109]


@pytest.mark.parametrize(
    "second",
    [
        "2024-05-10 00:00:01",
        "2024-05-10T00:00:01.0",
        "2024-05-10 00:00:01.000000+00:00",
        "2024-05-10T00:00:01Z",
        "2024-05-10 02:00:01+0200",
        "2024-05-09 19:00:01-05:00",
    ],
)
def test_azure_stamps_of_every_year_and_zone_agree(write, second):
    read = readers.read(write(f"{AZURE}2024-05-10 00:00:00.000000+00:00,1,1\n{second},1,1\n"))
    assert read.arrival_s.tolist() == [0.0, 1.0]


def test_mooncake_hashes_are_prefix_chains_over_the_whole_prompt(write):
    text = moon() + moon(timestamp=1500, input_length=1025, hash_ids=[0, 7, 9])
    read = readers.read(write(text))
    assert read.arrival_s.tolist() == [0.0, 1.5]
    assert read.chunk_tokens == 512
    assert read.chain_offsets.tolist() == [0, 2, 5]
    assert read.chain_ids.tolist() == [0, 1, 0, 7, 9]
    assert read.shared_tokens.tolist() == [600, 1025]


def test_a_synthetic_address_reads_like_a_file():
    address = "synthetic:paper?seed=3&requests=50"
    assert readers.read(address).digest == synthetic.make(address).digest


class TestCutting:
    """--start and --limit cut the trace as it is written, then --time-scale stretches it."""

    @pytest.fixture
    def path(self, write):
        return write(OWN + "".join(f"{second},{second + 1},1\n" for second in range(10)))

    def test_time_scale_multiplies_arrivals(self, path):
        assert readers.read(path, time_scale=1.6).arrival_s.tolist() == [second * 1.6 for second in range(10)]

    def test_limit_keeps_the_first_rows(self, path):
        assert readers.read(path, limit=3).prompt_tokens.tolist() == [1, 2, 3]

    def test_limit_beyond_the_trace_keeps_all(self, path):
        assert readers.read(path, limit=99).requests == 10

    def test_start_drops_what_came_before_and_becomes_second_zero(self, path):
        cut = readers.read(path, start=2.5, limit=2, time_scale=2.0)
        assert cut.prompt_tokens.tolist() == [4, 5]
        assert cut.arrival_s.tolist() == [1.0, 3.0]

    def test_start_keeps_a_request_that_arrives_right_then(self, path):
        assert readers.read(path, start=9).prompt_tokens.tolist() == [10]

    def test_chains_follow_their_requests(self, write):
        text = moon() + moon(timestamp=1000, hash_ids=[0, 8]) + moon(timestamp=2000, hash_ids=[3, 4])
        cut = readers.read(write(text), start=1.0)
        assert cut.chain_ids.tolist() == [0, 8, 3, 4]
        assert cut.chain_offsets.tolist() == [0, 2, 4]

    @pytest.mark.parametrize(
        ("cut", "words"),
        [
            ({"start": 100}, "no request arrives 100 s into the trace"),
            ({"start": -1}, "start -1"),
            ({"start": float("nan")}, "start nan"),
            ({"limit": 0}, "limit 0"),
            ({"time_scale": 0}, "time scale 0"),
            ({"time_scale": -2}, "time scale -2"),
            ({"time_scale": float("inf")}, "time scale inf"),
        ],
    )
    def test_a_cut_that_leaves_nothing_or_makes_no_sense_is_refused(self, path, cut, words):
        with pytest.raises(faults.InputFault, match=words):
            readers.read(path, **cut)


BAD_FILES = {
    "nothing": ("", "the file is empty"),
    "blank": ("\n\n", "the file is empty"),
    "header only": (OWN, "a header and no rows"),
    "azure header only": (AZURE, "a header and no rows"),
    "unknown header": ("time,tokens\n1,2\n", "line 1: column 'time' is unknown"),
    "missing column": ("arrival_s,prompt_tokens\n1,2\n", "line 1: column 'output_tokens' is missing"),
    "misspelt column": (OWN.replace("output", "ouput") + "1,2,3\n", "line 1: column 'ouput_tokens' is unknown"),
    "column twice": ("arrival_s,prompt_tokens,output_tokens,prompt_tokens\n1,2,3,4\n", "named twice"),
    "half a prefix": ("arrival_s,prompt_tokens,output_tokens,prefix_group\n1,2,3,4\n", "belong together"),
    "no header": ("0.0,10,10\n1.0,10,10\n", "line 1: column '0.0' is unknown"),
    "binary": (b"\x7fELF\x00\x01\x02", "a binary file"),
    "not utf-8": (OWN.encode() + b"0,1,1\n\xff\xfe,1,1\n", "line 3: not UTF-8"),
    "unsorted": (OWN + "0,1,1\n5,1,1\n4,1,1\n", "line 4: arrival_s goes back to 4.0 s"),
    "negative time": (OWN + "-0.5,1,1\n", "line 2: arrival_s is -0.5 s, before the trace begins"),
    "unix time": (OWN + "1700000000,1,1\n", "line 2: arrival_s is 1700000000.0 s, more than ten years"),
    "negative tokens": (OWN + "0,-4,1\n", "line 2: prompt_tokens is -4"),
    "zero prompt": (OWN + "0,1,1\n0,0,1\n", "line 3: prompt_tokens is 0; a request has at least 1 token"),
    "zero output": (OWN + "0,1,0\n", "line 2: output_tokens is 0"),
    "huge tokens": (OWN + "0,10000001,1\n", "line 2: prompt_tokens is 10000001, above the 10,000,000 allowed"),
    "endless digits": (OWN + f"0,{'9' * 400},1\n", "line 2: prompt_tokens is '9999"),
    "beyond 2**53": (OWN + f"0,{2**60},1\n", "line 2: prompt_tokens is 1152921504606846976, too large"),
    "half a token": (OWN + "0,1.5,1\n", "line 2: prompt_tokens is 1.5; it must be a whole number"),
    "nan": (OWN + "0,1,1\nnan,1,1\n", "line 3: arrival_s is 'nan', not a finite number"),
    "infinite": (OWN + "inf,1,1\n", "line 2: arrival_s is 'inf'"),
    "words": (OWN + "0,1,1\n1,two,1\n", "line 3: prompt_tokens is 'two'"),
    "empty field": (OWN + "0,,1\n", "line 2: prompt_tokens is ''"),
    "underscores": (OWN + "0,1_000,1\n", "line 2: prompt_tokens is '1_000'"),
    "other digits": (OWN + "0,\u0661,1\n", "line 2: prompt_tokens is '\u0661'"),
    "too few fields": (OWN + "0,1,1\n1,1\n", "line 3: 2 fields; expected 3"),
    "too many fields": (OWN + "0,1,1,1\n", "line 2: 4 fields; expected 3"),
    "blank line within": (OWN + "0,1,1\n\n1,1,1\n", "line 3: a blank line"),
    "semicolons": (OWN + "0;1;1\n", "line 2: 1 fields"),
    "group below -1": (
        OWN.strip() + ",prefix_group,prefix_tokens\n0,9,1,-2,0\n",
        "line 2: prefix_group is -2",
    ),
    "prefix of no group": (
        OWN.strip() + ",prefix_group,prefix_tokens\n0,9,1,-1,5\n",
        "line 2: prefix_tokens is 5 but prefix_group is -1",
    ),
    "prefix beyond prompt": (
        OWN.strip() + ",prefix_group,prefix_tokens\n0,9,1,1,10\n",
        "line 2: prefix_tokens is 10, longer than the prompt",
    ),
    "azure words": (AZURE + "2023-11-16 18:15:46,many,44\n", "line 2: '2023-11-16 18:15:46,many,44' is not TIMESTAMP"),
    "azure american date": (AZURE + "11/16/2023 18:15:46,1,1\n", "line 2: '11/16/2023 18:15:46,1,1' is not"),
    "azure month 13": (
        AZURE + "2023-11-16 18:15:46,1,1\n2023-13-16 18:15:46,1,1\n",
        "line 3: TIMESTAMP is '2023-13-16",
    ),
    "azure backwards": (
        AZURE + "2023-11-16 18:15:46,1,1\n2023-11-16 18:15:45,1,1\n",
        "line 3: TIMESTAMP goes back to 2023-11-16 18:15:45",
    ),
    "azure zero": (AZURE + "2023-11-16 18:15:46,374,0\n", "line 2: GeneratedTokens is 0"),
    "azure endless digits": (AZURE + f"2023-11-16 18:15:46,{'9' * 5000},1\n", "line 2:"),
    "not json": ("{timestamp: 0}\n", "line 1: '{timestamp: 0}' is not a JSON object"),
    "json array": ("[1, 2]\n", "line 1: '[1, 2]' is not a JSON object with timestamp"),
    "json too deep": ("[" * 100_000, "line 1"),
    "json cut short": (moon() + moon()[:30], "line 2:"),
    "json field missing": (moon() + '{"timestamp": 5}\n', "line 2: 'input_length' is missing"),
    "json string": (moon(input_length="600"), "line 1: input_length is '600'"),
    "json bool": (moon(output_length=True), "line 1: output_length is True"),
    "json zero": (moon(output_length=0), "line 1: output_length is 0; it must be 1 to"),
    "json nan": (moon(timestamp=float("nan")), "line 1: timestamp is nan"),
    "json huge stamp": (moon(timestamp=10**400), "line 1: timestamp is 1000"),
    "json endless digits": ('{"timestamp": ' + "9" * 5000 + "}", "line 1:"),
    "json unsorted": (moon(timestamp=5) + moon(timestamp=4), "line 2: timestamp goes back to 0.004 s"),
    "json negative": (moon(timestamp=-1), "line 1: timestamp is -0.001 s"),
    "hashes too few": (moon(hash_ids=[0]), "line 1: 1 hash_ids for 600 input tokens; one for every 512 makes 2"),
    "hashes no list": (moon(hash_ids="0,1"), "line 1: hash_ids is '0,1'"),
    "hash negative": (moon(hash_ids=[0, -1]), "line 1: hash_ids holds -1"),
    "hash too large": (moon(hash_ids=[0, 2**63]), "line 1: hash_ids holds 9223372036854775808"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_row_is_refused_with_file_line_and_reason(write, case):
    content, words = BAD_FILES[case]
    path = write(content)
    with pytest.raises(faults.InputFault) as caught:
        readers.read(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert words in message
    assert "\n" not in message
    assert len(message) < 500


def test_a_missing_file_or_a_folder_is_refused(tmp_path):
    with pytest.raises(faults.InputFault, match="no such file"):
        readers.read(tmp_path / "nowhere.csv")
    with pytest.raises(faults.InputFault, match="not a regular file"):
        readers.read(tmp_path)


def test_a_hundred_thousand_rows_are_read_in_well_under_a_second(write):
    rows = "".join(f"{row * 0.01:.6f},{100 + row % 900},{1 + row % 300}\n" for row in range(100_000))
    path = write(OWN + rows)
    began = time.process_time()
    assert readers.read(path).requests == 100_000
    assert time.process_time() - began < 0.5


class TestRecordedTraces:
    """The published traces come out as their authors describe them."""

    def test_sharegpt(self, data_dir):
        read = readers.read(data_dir / "sharegpt_12.0.csv", time_scale=1.6)
        assert read.requests == 3973
        assert read.duration_s == pytest.approx(479, abs=0.5)
        assert read.prompt_tokens.mean() == pytest.approx(295, abs=1)
        assert read.output_tokens.mean() == pytest.approx(362, abs=1)

    def test_azure(self, data_dir):
        read = readers.read(data_dir / "AzureLLMInferenceTrace_conv.csv")
        assert read.requests == 19_366
        assert read.arrival_s[0] == 0.0
        assert read.arrival_s[1] == pytest.approx(4.314579, abs=1e-9)
        assert 3500 < read.duration_s < 3600

    def test_mooncake(self, data_dir):
        read = readers.read(data_dir / "mooncake_conversation_trace.jsonl")
        assert read.requests == 12_031
        assert read.has_prefixes
        assert np.array_equal(np.diff(read.chain_offsets), -(-read.prompt_tokens // 512))
        assert read.duration_s == pytest.approx(3536.999)

    def test_the_oracles_traces(self, data_dir):
        read = readers.read(data_dir / "vllm_oracle" / "traces" / "T3.csv")
        assert read.requests == 800
        assert len(np.unique(read.chain_ids)) == 12
        assert read.arrival_s[0] == 0.106678
        assert read.shared_tokens[0] == 1280
