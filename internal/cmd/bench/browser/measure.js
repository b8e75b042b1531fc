// What the browser has measured of this page (Paint Timing, Largest Contentful Paint,
// Layout Instability, Navigation Timing, Resource Timing). It waits until nothing has
// been painted or moved for a while: the last largest paint counts.
new Promise(done => {
	const rest = 300; // ms
	const seen = {paint: [], "largest-contentful-paint": [], "layout-shift": []};
	let timer = 0;
	const wait = () => { clearTimeout(timer); timer = setTimeout(end, rest) };
	const watches = Object.keys(seen).map(type => {
		const watch = new PerformanceObserver(list => { seen[type].push(...list.getEntries()); wait() });
		watch.observe({type, buffered: true});
		return watch;
	});
	const end = () => {
		watches.forEach(watch => watch.disconnect());
		const navigation = performance.getEntriesByType("navigation")[0];
		done({
			fcp: seen.paint.filter(e => e.name == "first-contentful-paint").map(e => e.startTime)[0] ?? null,
			lcps: seen["largest-contentful-paint"].map(e => ({
				at: e.startTime, size: e.size, element: e.element ? e.element.localName + "." + e.element.className : "",
			})),
			shifts: seen["layout-shift"].map(e => ({at: e.startTime, value: e.value, input: e.hadRecentInput})),
			navigation: navigation.toJSON(),
			origin: performance.timeOrigin,
			resources: performance.getEntriesByType("resource").map(e => e.toJSON()),
		});
	};
	wait();
})
