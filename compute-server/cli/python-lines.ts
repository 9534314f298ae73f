/**
 * Lines of Python that load a file of numbers. What comes from a file (names, titles, paths) stands in them as a string of Python in ASCII
 * alone, or as a name made of letters, so that none of it can be read as code.
 */
import type { Section } from '../../protocol/sections/section';

export const libraries = ['pandas', 'torch'] as const;
export type Library = (typeof libraries)[number];

/** A string of Python (https://docs.python.org/3/reference/lexical_analysis.html, "String and Bytes literals"). */
export function pythonText(text: string): string {
  const escaped = Array.from(text, (character) => {
    const point = character.codePointAt(0) ?? 0;
    if (character === '"' || character === '\\') return `\\${character}`;
    if (point >= 0x20 && point < 0x7f) return character;
    const hex = (digits: number): string => point.toString(16).padStart(digits, '0');
    return point > 0xffff ? `\\U${hex(8)}` : `\\u${hex(4)}`;
  });
  return `"${escaped.join('')}"`;
}

const keywords = new Set(
  `False None True and as assert async await break class continue def del elif else except finally for from global if import in is
   lambda nonlocal not or pass raise return try while with yield json pd np torch nan file result sections float`.split(
    /\s+/u,
  ),
);

/** Names of variables: letters, digits and _, none twice. */
class Variables {
  private readonly taken = new Set<string>();

  of(id: string): string {
    const plain = id
      .replaceAll(/[^A-Za-z0-9_]+/g, '_')
      .replaceAll(/^_+|_+$/g, '')
      .slice(0, 60);
    const name = plain === '' || /^\d/.test(plain) ? `section_${plain}` : keywords.has(plain) ? `${plain}_` : plain;
    let free = name;
    for (let number = 2; this.taken.has(free); number += 1) free = `${name}_${number}`;
    this.taken.add(free);
    return free;
  }
}

/** Reads the saved result itself; a sentence where it holds nothing that the library can have. */
export function linesOfResult(
  path: string,
  sections: readonly Section[],
  library: Library,
): readonly string[] | string {
  const variables = new Variables();
  const loaded = sections.flatMap((section) => {
    const place = `sections[${pythonText(section.id)}]`;
    const lines = library === 'pandas' ? frames(section, place) : tensors(section, place);
    return lines.map(([part, line]) => `${variables.of(part === '' ? section.id : `${section.id}_${part}`)} = ${line}`);
  });
  if (loaded.length === 0) {
    return library === 'torch'
      ? 'It holds no matrix. Ask for pandas (--as pandas), which reads its tables.'
      : 'It holds no table and no matrix.';
  }
  return [
    'import json',
    library === 'pandas' ? 'import pandas as pd' : 'import torch',
    `with open(${pythonText(path)}, encoding="utf-8") as file:`,
    '    sections = {section["id"]: section for section in json.load(file)["sections"]}',
    ...(library === 'torch' ? ['nan = float("nan")'] : []),
    ...loaded,
  ];
}

type Lines = readonly (readonly [part: string, line: string])[];

function frames(section: Section, place: string): Lines {
  switch (section.kind) {
    case 'heads':
      return [
        [
          '',
          `{number["name"]: pd.DataFrame(number["values"], dtype=float) for number in ${place}["numbers"]}  # rows: layers, columns: heads`,
        ],
      ];
    case 'map':
      return [['', `pd.DataFrame(${place}["values"], dtype=float)  # labels: rows and columns of the section`]];
    case 'tokens':
      return [
        [
          '',
          `pd.DataFrame({"token": ${place}["tokens"], **{number["name"]: number["values"] for number in ${place}["numbers"]}})`,
        ],
      ];
    case 'image':
      return [['', `pd.DataFrame({number["name"]: number["values"] for number in ${place}["numbers"]}, dtype=float)`]];
    case 'chart':
      return [
        [
          '',
          `pd.DataFrame([{"series": series["title"], **point} for series in ${place}["series"] for point in series["points"]])`,
        ],
      ];
    case 'table':
      return [['', `pd.DataFrame(${place}["rows"], columns=[column["name"] for column in ${place}["columns"]])`]];
    case 'graph':
      return [
        ['nodes', `pd.DataFrame(${place}["nodes"])`],
        ['edges', `pd.DataFrame(${place}["edges"])`],
      ];
    case 'generations':
      return [['', `pd.DataFrame(${place}["items"])`]];
    case 'experts':
      return [['', `pd.DataFrame(${place}["layers"])`]];
    case 'matrix':
      return [['', `pd.DataFrame({"token": ${place}["tokens"]})`]];
    case 'text':
      return [];
  }
}

/** Where rows have different lengths there is a tensor for each. */
function tensors(section: Section, place: string): Lines {
  const row = (of: string): string => `[nan if value is None else value for value in ${of}]`;
  const matrix = (of: string, rows: readonly (readonly number[])[]): string =>
    rows.every(({ length }) => length === rows[0]?.length)
      ? `torch.tensor([${row('row')} for row in ${of}], dtype=torch.float64)`
      : `[torch.tensor(${row('row')}, dtype=torch.float64) for row in ${of}]`;
  switch (section.kind) {
    case 'heads': {
      const ragged = section.numbers.find(({ values }) => values.some(({ length }) => length !== values[0]?.length));
      const made = matrix('number["values"]', ragged?.values ?? section.numbers[0]?.values ?? []);
      return [['', `{number["name"]: ${made} for number in ${place}["numbers"]}  # [layers, heads]`]];
    }
    case 'map':
      return [['', `${matrix(`${place}["values"]`, section.values)}  # [rows, columns]`]];
    case 'tokens':
    case 'image':
      if (section.numbers.length === 0) return [];
      return [
        [
          '',
          `{number["name"]: torch.tensor(${row('number["values"]')}, dtype=torch.float64) for number in ${place}["numbers"]}`,
        ],
      ];
    case 'matrix':
    case 'chart':
    case 'table':
    case 'graph':
    case 'text':
    case 'generations':
    case 'experts':
      return [];
  }
}

export function linesOfBenchmark(path: string, library: Library): readonly string[] {
  return [
    'import json',
    library === 'pandas' ? 'import pandas as pd' : 'import torch',
    `with open(${pythonText(path)}, encoding="utf-8") as file:`,
    '    result = json.load(file)',
    library === 'pandas'
      ? 'rows = pd.DataFrame(result["rows"])'
      : 'times = {(row["mechanism"], row["length"]): torch.tensor(row["medianMs"], dtype=torch.float64) for row in result["rows"] if row.get("medianMs") is not None}',
  ];
}

export type ExportedForm = 'npz' | 'safetensors' | 'arrow' | 'csv' | 'json';

/** Reads a file that `results export` wrote. `skipped`: lines before the head of a CSV file. */
export function linesOfExport(path: string, form: ExportedForm, library: Library, skipped = 0): readonly string[] {
  const file = pythonText(path);
  const torch = library === 'torch';
  switch (form) {
    case 'npz':
      return [
        'import json',
        'import numpy as np',
        torch ? 'import torch' : 'import pandas as pd',
        `arrays = np.load(${file})`,
        'about = json.loads(arrays["meta.json"])',
        torch
          ? 'tensors = {name: torch.from_numpy(arrays[name]) for name in arrays.files if name != "meta.json" and arrays[name].dtype.kind in "fib"}'
          : 'frames = {name: pd.DataFrame(arrays[name]) for name in arrays.files if name != "meta.json"}',
      ];
    case 'safetensors':
      return torch
        ? ['from safetensors.torch import load_file', `tensors = load_file(${file})`]
        : [
            'import pandas as pd',
            'from safetensors.numpy import load_file',
            `frames = {name: pd.DataFrame(array) for name, array in load_file(${file}).items()}`,
          ];
    case 'arrow':
    case 'csv': {
      const read =
        form === 'arrow'
          ? `pd.read_feather(${file})`
          : `pd.read_csv(${file}, skiprows=${skipped}, keep_default_na=False, na_values=[""])`;
      return [
        'import pandas as pd',
        ...(torch ? ['import torch'] : []),
        `table = ${read}`,
        ...(torch
          ? [
              'tensor = torch.tensor(table.select_dtypes("number").to_numpy(dtype="float64"))  # [rows, columns of numbers]',
            ]
          : []),
      ];
    }
    case 'json':
      return [
        'import json',
        torch ? 'import torch' : 'import pandas as pd',
        `with open(${file}, encoding="utf-8") as opened:`,
        '    numbers = json.load(opened)',
        ...(torch
          ? [
              'import numpy as np',
              'tensors = {array["name"]: torch.from_numpy(np.array(array["values"], dtype=float)) for array in numbers["arrays"]}',
            ]
          : [
              'tables = {table["name"]: pd.DataFrame({column["name"]: column["values"] for column in table["columns"]}) for table in numbers["tables"]}',
              'matrices = {array["name"]: pd.DataFrame(array["values"], dtype=float) for array in numbers["arrays"]}',
            ]),
      ];
  }
}
