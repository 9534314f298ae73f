/** headscope results: the numbers of a saved result, listed, written in other forms, and loaded in Python. */
import { mkdir, open, stat } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { whyNotReplaced } from '../../../files/output';
import { reasonOf } from '../../../files/write-file';
import type { About, Exported, ExportedTable } from '../../../protocol/exports/exported';
import {
  isSingle,
  numberFormats,
  tableFile,
  wholeFile,
  type NumberFormat,
  type SingleFormat,
} from '../../../protocol/exports/files';
import { printableLine } from '../../../protocol/wire/printable';
import { whyUnread } from '../../../protocol/wire/unread';
import { headscopeVersion } from '../../version';
import { wrongUsage } from '../exit-codes';
import { jsonOption } from '../output-options';
import {
  libraries,
  linesOfBenchmark,
  linesOfExport,
  linesOfResult,
  type ExportedForm,
  type Library,
} from '../python-lines';
import type { Registration } from '../registration';
import { resultNumbers } from '../result-numbers';
import type { CommandSession } from '../session';
import { textTable } from '../table';

export const results: Registration = (program, session) => {
  const group = program
    .command('results')
    .description('The numbers of a saved result: listed, written, loaded in Python.');
  for (const add of [list, write, toPython]) add(group, session);
};

function list(group: Command, session: CommandSession): void {
  group
    .command('list')
    .description('List the tables and matrices of a saved result.')
    .argument('<file>', 'a saved result, e.g. mine.headscope-analysis.json')
    .addOption(jsonOption('write the same as JSON, - for stdout'))
    .action(async (file: string, { json }: { readonly json?: string }) => {
      const { exported } = await resultNumbers(file);
      const tables = exported.tables.map(({ name, title, rows, columns }) => ({
        name,
        title,
        rows,
        columns: columns.length,
      }));
      const arrays = exported.arrays.map(({ name, title, unit, shape }) => ({ name, title, unit, shape }));
      if (json !== undefined) await session.writeJson(json, { tables, arrays, leftOut: exported.leftOut });
      if (json === '-') return;
      session.print(
        textTable(
          ['name', 'size', 'what it is'],
          [
            ...tables.map(({ name, title, rows, columns }) => [name, `${rows} x ${columns}`, printableLine(title)]),
            ...arrays.map(({ name, title, shape }) => [name, `[${shape.join(', ')}]`, printableLine(title)]),
          ],
        ),
      );
      for (const sentence of exported.leftOut) session.note(printableLine(sentence));
    });
}

interface ExportOptions {
  readonly output: string;
  readonly format?: NumberFormat;
  readonly table?: string;
}

const endings: Readonly<Record<string, NumberFormat>> = {
  ...Object.fromEntries(numberFormats.map((format) => [`.${format}`, format])),
  '.feather': 'arrow',
};

function write(group: Command, session: CommandSession): void {
  group
    .command('export')
    .description('Write the tables and matrices of a saved result as npz, safetensors, JSON, CSV or Arrow (Feather).')
    .argument('<file>', 'a saved result, e.g. mine.headscope-analysis.json')
    .requiredOption(
      '-o, --output <file or folder>',
      'npz, safetensors and json: a file; csv and arrow: a file with --table, else a folder with a file for each table',
    )
    .addOption(new Option('--format <form>', 'without it, by the ending of the file').choices(numberFormats))
    .option('--table <name>', 'this table alone, by its name in "headscope results list"')
    .action(async (file: string, { output, format: given, table }: ExportOptions) => {
      const format = given ?? endings[extname(output).toLowerCase()];
      if (format === undefined) {
        throw wrongUsage(`${output} does not say a form by its ending. Give --format: ${numberFormats.join(', ')}.`);
      }
      const { exported: all, of } = await resultNumbers(file);
      const exported = table === undefined ? all : only(all, table, file);
      if (exported.tables.length === 0) throw wrongUsage(`${file} holds no table and no matrix.`);
      const about = { headscope: headscopeVersion, created: new Date().toISOString(), of };
      const files = isSingle(format)
        ? await tableFiles(format, exported, about, output)
        : [{ path: output, content: wholeFile(format, exported, about) }];
      for (const { path } of files) {
        const why = await whyNotReplaced(path, { kind: 'export', force: session.force });
        if (why !== undefined) throw wrongUsage(`${path} was not written. ${why}`);
      }
      for (const { path, content } of files) await session.writeFile(path, content, 'export');
      session.print(
        files.length === 1 ? `Wrote ${files[0]?.path ?? output}.` : `Wrote ${files.length} files to ${output}.`,
      );
      for (const sentence of exported.leftOut) session.note(printableLine(sentence));
    });
}

function only({ tables, arrays }: Exported, name: string, file: string): Exported {
  const chosen = tables.filter((table) => table.name === name);
  if (chosen.length === 0) {
    throw wrongUsage(
      `${file} has no table "${name.slice(0, 80)}". Choose from ${tables.map((one) => one.name).join(', ')}.`,
    );
  }
  const others = tables.filter((table) => table.name !== name).map((table) => table.name);
  const isOf = (array: string, table: string): boolean => array === table || array.startsWith(`${table}.`);
  return {
    tables: chosen,
    arrays: arrays.filter(
      (array) =>
        isOf(array.name, name) && !others.some((other) => other.length > name.length && isOf(array.name, other)),
    ),
    leftOut: [],
  };
}

/** In a folder that is there or is made, unless one table goes to a file. */
async function tableFiles(format: SingleFormat, exported: Exported, about: About, output: string) {
  const written = (table: ExportedTable, path: string) => ({
    path,
    content: tableFile(format, table, exported, about),
  });
  const [first] = exported.tables;
  const isFolder = (await stat(output).catch(() => undefined))?.isDirectory() === true;
  if (endings[extname(output).toLowerCase()] === format && !isFolder) {
    if (first && exported.tables.length === 1) return [written(first, output)];
    throw wrongUsage(
      `The result holds ${exported.tables.length} tables, and a ${format} file holds one. Choose one with --table, or name a folder and give --format ${format}.`,
    );
  }
  if (!isFolder) {
    try {
      await mkdir(output);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST')
        throw wrongUsage(
          `${output} is a file, and the tables go to a folder. Name a folder, or choose one with --table.`,
        );
      throw wrongUsage(`${output} could not be made. ${reasonOf(error).message}`);
    }
  }
  return exported.tables.map((table) => written(table, join(output, `${table.name}.${format}`)));
}

function toPython(group: Command, session: CommandSession): void {
  group
    .command('to-python')
    .description('Print the lines of Python that load a saved result, or a file of "results export".')
    .argument('<file>', 'a saved result, or an npz, safetensors, Arrow, CSV or JSON file of "headscope results export"')
    .addOption(new Option('--as <library>', 'what it is loaded in').choices(libraries).default('pandas'))
    .action(async (file: string, { as }: { readonly as: Library }) => {
      session.print((await linesFor(file, as)).join('\n'));
    });
}

async function linesFor(file: string, library: Library): Promise<readonly string[]> {
  const path = resolve(file);
  const start = await beginning(file);
  const text = start.toString('latin1');
  const form = formOf(start);
  if (form !== undefined) return linesOfExport(path, form, library, form === 'csv' ? marked(text) : 0);
  const { sections, isBenchmark } = await resultNumbers(file);
  if (isBenchmark) return linesOfBenchmark(path, library);
  if (sections === undefined) {
    throw wrongUsage(
      `${file} has no sections to load, as results of "headscope task" and of earlier versions. Write its numbers first: headscope results export ${basename(file)} -o numbers.npz`,
    );
  }
  const lines = linesOfResult(path, sections, library);
  if (typeof lines === 'string') throw wrongUsage(`${file}: ${lines}`);
  return lines;
}

/** Enough for the lines before a CSV table. */
const read = 2 ** 20;

async function beginning(file: string): Promise<Buffer> {
  try {
    const handle = await open(file);
    try {
      const buffer = Buffer.alloc(read);
      const { bytesRead } = await handle.read(buffer, 0, read, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw wrongUsage(`${file} cannot be read: ${whyUnread(error)}. Check the path.`);
  }
}

/** By its first bytes; undefined for JSON that is no export, and for anything else. */
function formOf(start: Buffer): ExportedForm | undefined {
  const text = start.subarray(0, 64).toString('latin1');
  if (text.startsWith('PK\u0003\u0004')) return 'npz';
  if (text.startsWith('ARROW1')) return 'arrow';
  if (text.startsWith('# Written by Headscope ')) return 'csv';
  if (text.startsWith('{"kind":"headscope-export"')) return 'json';
  return text[8] === '{' && !text.startsWith('{') ? 'safetensors' : undefined;
}

/** Lines at the beginning that are marked by #. */
function marked(text: string): number {
  const lines = text.split('\r\n');
  const first = lines.findIndex((line) => !line.startsWith('# '));
  return first < 0 ? lines.length : first;
}
