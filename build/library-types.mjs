// The index.d.ts of headscope-lib: declarations of compute-server/library as they are written, and behind them each type that they
// take from other rooms, resolved. So the package needs no types of another package.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

const folder = 'compute-server/library';
/** In the order of the file. */
const files = ['types.ts', 'tensor.ts', 'error.ts'];
/** Types that several others are made of, by their files. */
const shared = { 'protocol/sections/section.ts': ['Section'] };
/** Generic aliases by which schemas are turned into types: their result is written out. */
const machinery = new Set([
  'Flat',
  'FieldsOutput',
  'KindOutput',
  'KindsOutput',
  'Output',
  'Fields',
  'Readonly',
  'Extract',
  'Partial',
]);

/** The text of index.d.ts. */
export async function libraryTypes() {
  const { default: ts } = await import('typescript');
  const paths = files.map((name) => join(root, folder, name));
  const program = ts.createProgram(paths, {
    ...{ strict: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: true, types: ['node'] },
    ...{ target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.Preserve },
    ...{ moduleResolution: ts.ModuleResolutionKind.Bundler, lib: ['lib.es2023.d.ts'] },
  });
  const checker = program.getTypeChecker();
  const named = new Map();
  for (const [path, names] of Object.entries(shared)) {
    const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(join(root, path))));
    for (const symbol of exported.filter(({ name }) => names.includes(name))) {
      named.set(symbol.name, checker.getDeclaredTypeOfSymbol(symbol));
    }
  }
  const parts = paths.map((path) => {
    const source = program.getSourceFile(path);
    for (const statement of source.statements.filter(ts.isImportDeclaration)) {
      if (statement.moduleSpecifier.text.startsWith('./')) continue;
      for (const { name } of statement.importClause.namedBindings.elements) {
        named.set(
          name.text,
          checker.getDeclaredTypeOfSymbol(checker.getAliasedSymbol(checker.getSymbolAtLocation(name))),
        );
      }
    }
    const { outputText } = ts.transpileDeclaration(readFileSync(path, 'utf8'), { compilerOptions: { strict: true } });
    return outputText.replaceAll(/^import .*?;\n/gms, '').replaceAll(/^export \{\};\n/gm, '');
  });
  const printer = new TypePrinter(ts, checker, named);
  return [...parts, 'export declare const openModel: OpenModel;\n', ...printer.declarations()].join('\n');
}

const arrayOf = (item) => (/[ |&]/.test(item) ? `(${item})[]` : `${item}[]`);

class TypePrinter {
  constructor(ts, checker, named) {
    this.ts = ts;
    this.checker = checker;
    /** Name of each type that has a declaration of its own. */
    this.names = new Map([...named].map(([name, type]) => [type, name]));
    this.waiting = [...named];
  }

  /** Types are found while others are written. */
  declarations() {
    const lines = [];
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) {
      const [name, type] = next;
      lines.push(`export type ${name} = ${this.written(type, '')};\n`);
    }
    return lines;
  }

  text(type, indent) {
    const known = this.names.get(type);
    if (known !== undefined) return known;
    const name = type.aliasSymbol?.name ?? (type.isClassOrInterface() ? type.symbol.name : undefined);
    const isGeneric = (type.aliasTypeArguments ?? []).length > 0;
    if (name !== undefined && !isGeneric && !machinery.has(name) && !this.isGlobal(type) && !this.isTaken(name)) {
      this.names.set(type, name);
      this.waiting.push([name, type]);
      return name;
    }
    return this.written(type, indent);
  }

  isTaken(name) {
    return [...this.names.values()].includes(name);
  }

  isGlobal(type) {
    // Mapped types such as Record are written out.
    if (!type.symbol || type.symbol.name === '__type') return false;
    const [declaration] = type.symbol.declarations ?? [];
    return declaration?.getSourceFile().fileName.includes('/node_modules/') ?? false;
  }

  written(type, indent) {
    const { ts, checker } = this;
    const flags = ts.TypeFlags;
    if (type.flags & flags.Boolean) return 'boolean';
    if (type.isUnion()) return this.union(type, indent);
    if (checker.isTupleType(type)) {
      const items = checker.getTypeArguments(type).map((each) => this.text(each, indent));
      const rest = type.target.elementFlags.map((flag) => (flag & ts.ElementFlags.Rest ? '...' : ''));
      const inside = items.map((item, at) => (rest[at] ? `...${arrayOf(item)}` : item)).join(', ');
      return `${type.target.readonly ? 'readonly ' : ''}[${inside}]`;
    }
    if (checker.isArrayType(type)) {
      const [item] = checker.getTypeArguments(type);
      const written = this.text(item, indent);
      const isReadonly = type.symbol.name === 'ReadonlyArray';
      return `${isReadonly ? 'readonly ' : ''}${arrayOf(written)}`;
    }
    if (!(type.flags & (flags.Object | flags.Intersection)) || this.isGlobal(type)) {
      return checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation);
    }
    return this.object(type, indent);
  }

  union(type, indent) {
    const members = type.types;
    const isBoolean = members.filter((each) => each.flags & this.ts.TypeFlags.BooleanLiteral).length === 2;
    const rest = isBoolean ? members.filter((each) => !(each.flags & this.ts.TypeFlags.BooleanLiteral)) : members;
    const texts = [...(isBoolean ? ['boolean'] : []), ...rest.map((each) => this.text(each, indent))];
    return [...new Set(texts)].join(' | ');
  }

  object(type, indent) {
    const { ts, checker } = this;
    const inner = `${indent}  `;
    const lines = checker.getIndexInfosOfType(type).map(({ keyType, type: value, isReadonly }) => {
      const key = checker.typeToString(keyType);
      return `${inner}${isReadonly ? 'readonly ' : ''}[name: ${key}]: ${this.text(value, inner)};`;
    });
    for (const property of checker.getPropertiesOfType(type)) {
      const isOptional = (property.flags & ts.SymbolFlags.Optional) !== 0;
      const of = checker.getTypeOfSymbol(property);
      const value = isOptional ? this.withoutUndefined(of) : of;
      const words = ts.displayPartsToString(property.getDocumentationComment(checker));
      if (words !== '') lines.push(`${inner}/** ${words.replaceAll(/\s+/g, ' ')} */`);
      const key = /^[\w$]+$/.test(property.name) ? property.name : JSON.stringify(property.name);
      lines.push(`${inner}readonly ${key}${isOptional ? '?' : ''}: ${this.text(value, inner)};`);
    }
    return lines.length === 0 ? '{}' : `{\n${lines.join('\n')}\n${indent}}`;
  }

  /** As exactOptionalPropertyTypes has it: a property that is left out is not one that is undefined. */
  withoutUndefined(type) {
    if (!type.isUnion()) return type;
    return type.types.some((each) => each.flags & this.ts.TypeFlags.Undefined)
      ? this.checker.getNonNullableType(type)
      : type;
  }
}
