// No locked package may ask for a later Rust than we promise: resolver 3 prefers older ones, but does not insist.
import { execFileSync } from 'node:child_process';

const args = ['metadata', '--locked', '--format-version', '1', '--all-features'];
const metadata = JSON.parse(execFileSync('cargo', args, { maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] }));
const number = (version) => version.split('.').reduce((sum, part) => sum * 1000 + Number(part), 0) *
    1000 ** (3 - version.split('.').length);
const ours = metadata.packages.find((pkg) => pkg.id === metadata.resolve.root).rust_version;
const later = metadata.packages.filter((pkg) => pkg.rust_version && number(pkg.rust_version) > number(ours));
const silent = metadata.packages.filter((pkg) => !pkg.rust_version);

for (const pkg of later) console.log(`${pkg.name} ${pkg.version} asks for Rust ${pkg.rust_version}, we promise ${ours}`);
console.log(`${metadata.packages.length} packages, ${later.length} too new, ${silent.length} do not say`);
process.exit(later.length ? 1 : 0);
