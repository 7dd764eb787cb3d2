// sharp, as its own documentation uses it for thumbnails. argv[2] is the folder it is installed in.
const fs = require("fs");
const path = require("path");
const readline = require("readline");
const sharp = require(path.join(path.resolve(process.argv[2]), "node_modules", "sharp"));

sharp.concurrency(1);
sharp.cache(false);
const make = (source, format, quality) =>
  sharp(source).resize(512)[format](quality === null ? {} : { quality }).toBuffer();

(async () => {
  console.log(JSON.stringify({ ready: true }));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    const before = process.cpuUsage();
    let made;
    for (let i = 0; i < order.times; i++) made = await make(order.source, order.format, order.quality);
    const used = process.cpuUsage(before); // of all threads
    const seconds = (used.user + used.system) / 1e6;
    if (order.output) fs.writeFileSync(order.output, made);
    console.log(JSON.stringify({ seconds, bytes: made.length }));
  }
})();
