// peer EXPRS ROUNDS ZONE...: the next instants of robfig/cron, for the bench `peers`: one line a zone, `ZONE MEAN-NS`.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/robfig/cron"
)

func read(path, zone string) (list []cron.Schedule) {
	file, err := os.Open(path)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if schedule, err := cron.ParseStandard("CRON_TZ=" + zone + " " + lines.Text()); err == nil {
			list = append(list, schedule)
		}
	}
	return list
}

func main() {
	rounds, _ := strconv.Atoi(os.Args[2])
	for _, zone := range os.Args[3:] {
		place, err := time.LoadLocation(zone)
		if err != nil {
			panic(err)
		}
		list := read(os.Args[1], zone)
		start := time.Unix(1767225600, 0).In(place)
		stop := time.Unix(2090000000, 0)
		begin := time.Now()
		for _, schedule := range list {
			at := start
			for i := 0; i < rounds; i++ {
				at = schedule.Next(at)
				if at.IsZero() || at.After(stop) {
					at = start
				}
			}
		}
		fmt.Println(zone, float64(time.Since(begin).Nanoseconds())/float64(len(list)*rounds))
	}
}
